import NFSWire
import Testing

/// Statuses and operation numbers, from RFC 7530 §13, RFC 8881 §15 and §17, RFC 7862 §11 and RFC 8276 §8.
@Suite struct StatusTests {
    @Test func `statuses have their numbers`() {
        #expect(NFSStatus.ok.rawValue == 0 && NFSStatus.noEntry.rawValue == 2)
        #expect(
            NFSStatus.badXDR.rawValue == 10_036 && NFSStatus.callbackPathDown.rawValue == 10_048
        )
        #expect(NFSStatus.delegationRevoked.rawValue == 10_087)
        #expect(NFSStatus.offloadRequirementsNotMet.rawValue == 10_094)
        #expect(NFSStatus.xattrTooBig.rawValue == 10_096)
        let all = Set(NFSStatus.allCases.map(\.rawValue))
        #expect(all.isSuperset(of: (10_003...10_072)))
        #expect(!all.contains(10_002) && !all.contains(10_073) && !all.contains(19))
        #expect(all.isSuperset(of: 10_074...10_096))
    }

    @Test func `each minor version has its statuses`() {
        let obsolete = NFSStatus.allCases.filter { $0.isLegal(in: .v40) && !$0.isLegal(in: .v41) }
        #expect(
            obsolete == [
                .noDevice, .resource, .staleStateID, .badSequenceID, .noSavedHandle, .leaseMoved,
            ]
        )
        let sessions = NFSStatus.allCases.filter { !$0.isLegal(in: .v40) && $0.isLegal(in: .v41) }
        #expect(
            sessions.count == 38 && sessions.allSatisfy { (10_049...10_087).contains($0.rawValue) }
        )
        let newest = NFSStatus.allCases.filter { $0.since == .v42 }
        #expect(newest.count == 9 && newest.allSatisfy { !$0.isLegal(in: .v41) })
        #expect(
            NFSStatus.allCases.filter { $0.isLegal(in: .v42) }.count == NFSStatus.allCases.count - 5
        )
    }

    @Test func `operations have their numbers, without gaps`() {
        let numbers = OperationCode.allCases.map(\.rawValue)
        #expect(numbers == Array(3...75) + [10_044])
        #expect(OperationCode.allCases.filter { $0.isDefined(in: .v40) }.count == 37)
        #expect(OperationCode.allCases.filter { $0.isDefined(in: .v41) }.count == 56)
        #expect(OperationCode.allCases.filter { $0.isDefined(in: .v42) }.count == 73)
        #expect(CallbackCode.allCases.map(\.rawValue) == Array(3...15) + [10_044])
    }

    @Test func `special state ids are those of RFC 8881 section 8_2_3`() {
        #expect(encoded(StateID.anonymous) == [UInt8](repeating: 0, count: 16))
        #expect(encoded(StateID.readBypass) == [UInt8](repeating: 0xFF, count: 16))
        #expect(encoded(StateID.current) == bytes("00000001 000000000000000000000000"))
        #expect(encoded(StateID.invalid) == bytes("ffffffff 000000000000000000000000"))
        #expect(StateID.current.isSpecial)
        #expect(!StateID(sequence: 0, otherHigh: 1, otherLow: 0).isSpecial)
    }
}
