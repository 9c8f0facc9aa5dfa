import NFSWire

/// VERIFY and NVERIFY (RFC 8881 §18.31, §18.15): whether attributes are as the client believes.
extension CompoundRun {
    func verify(_ arguments: VerifyArguments) async throws(NFSStatus) -> OperationReply {
        guard try await isSame(arguments) else { throw .notSame }
        return .ok(.verify)
    }

    func verifyNot(_ arguments: VerifyArguments) async throws(NFSStatus) -> OperationReply {
        guard try await !isSame(arguments) else { throw .same }
        return .ok(.verifyNot)
    }

    private func isSame(_ arguments: VerifyArguments) async throws(NFSStatus) -> Bool {
        let asked = arguments.attributes
        guard asked.unknown.isEmpty else { throw .attributeNotSupported }
        // What cannot be read cannot be compared, nor what means something in READDIR alone.
        let forbidden = Attribute.writeOnly.union([Attribute.readError.rawValue])
        guard asked.mask.intersection(forbidden).isEmpty else { throw .invalid }
        guard asked.mask.subtracting(ObjectAttributes.supported(in: version)).isEmpty else {
            throw .attributeNotSupported
        }
        let described = try await described(try object(), for: asked.mask)
        return asked.values.allSatisfy { described.value($0.attribute) == $0 }
    }
}
