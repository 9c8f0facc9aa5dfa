extension OperationReply {
    /// Writes the number, the status and the results.
    package func encode(to writer: inout XDRWriter) {
        let code = self.code
        let status = self.status
        precondition(
            !Self.isBare(self) || !Self.hasBody(status, of: code),
            "this status comes with results"
        )
        writer.write(code.rawValue)
        writer.write(status.rawValue)
        guard !Self.isBare(self) else { return }
        switch code.since {
        case .v40: encodeOriginal(to: &writer)
        case .v41: encodeSession(to: &writer)
        case .v42: encodeNewest(to: &writer)
        }
    }

    private static func isBare(_ reply: OperationReply) -> Bool {
        switch reply {
        case .ok, .failed: true
        default: false
        }
    }

    /// Of NFSv4.0.
    private func encodeOriginal(to writer: inout XDRWriter) {
        switch self {
        case .access(let value): value.encode(to: &writer)
        case .close(let value): value.encode(to: &writer)
        case .commit(let value): value.encode(to: &writer)
        case .create(let value): value.encode(to: &writer)
        case .getAttributes(let value): value.encode(to: &writer)
        case .getFileHandle(let value): value.encode(to: &writer)
        case .link(let value): value.encode(to: &writer)
        case .lock(let value): value.encode(to: &writer)
        case .lockDenied(let value): value.encode(to: &writer)
        case .lockTestDenied(let value): value.encode(to: &writer)
        case .unlock(let value): value.encode(to: &writer)
        case .open(let value): value.encode(to: &writer)
        case .openConfirm(let value): value.encode(to: &writer)
        case .openDowngrade(let value): value.encode(to: &writer)
        case .read(let value): value.encode(to: &writer)
        case .readDirectory(let value): value.encode(to: &writer)
        case .readLink(let value): value.encode(to: &writer)
        case .remove(let value): value.encode(to: &writer)
        case .rename(let value): value.encode(to: &writer)
        case .securityInfo(let value): writer.write(value)
        case .setAttributes(let value): value.attributesSet.encode(to: &writer)
        case .setClientID(let value): value.encode(to: &writer)
        case .clientIDInUse(let value): value.encode(to: &writer)
        case .write(let value): value.encode(to: &writer)
        default: break
        }
    }

    /// Since NFSv4.1.
    private func encodeSession(to writer: inout XDRWriter) {
        switch self {
        case .bindConnection(let value): value.encode(to: &writer)
        case .exchangeID(let value): value.encode(to: &writer)
        case .createSession(let value): value.encode(to: &writer)
        case .getDirectoryDelegation(let value): value.encode(to: &writer)
        case .getDeviceInfo(let value): value.encode(to: &writer)
        case .deviceInfoTooSmall(let value): writer.write(value)
        case .getDeviceList(let value): value.encode(to: &writer)
        case .layoutCommit(let value): value.encode(to: &writer)
        case .layoutGet(let value): value.encode(to: &writer)
        case .layoutTryLater(let value): writer.write(value)
        case .layoutReturn(let value): value.encode(to: &writer)
        case .securityInfoNoName(let value): writer.write(value)
        case .sequence(let value): value.encode(to: &writer)
        case .setStateSecret(let value): value.encode(to: &writer)
        case .testStateIDs(let value): value.encode(to: &writer)
        case .wantDelegation(let value): value.encode(to: &writer)
        default: break
        }
    }

    /// Since NFSv4.2.
    private func encodeNewest(to writer: inout XDRWriter) {
        switch self {
        case .copy(let value): value.encode(to: &writer)
        case .copyRequirementsNotMet(let value): value.encode(to: &writer)
        case .copyNotify(let value): value.encode(to: &writer)
        case .ioAdvise(let value): value.encode(to: &writer)
        case .offloadStatus(let value): value.encode(to: &writer)
        case .readPlus(let value): value.encode(to: &writer)
        case .seek(let value): value.encode(to: &writer)
        case .writeSame(let value): value.encode(to: &writer)
        case .getXattr(let value): value.encode(to: &writer)
        case .setXattr(let value): value.encode(to: &writer)
        case .listXattrs(let value): value.encode(to: &writer)
        case .removeXattr(let value): value.encode(to: &writer)
        default: break
        }
    }
}
