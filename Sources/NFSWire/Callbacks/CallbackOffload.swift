/// CB_OFFLOAD (RFC 7862 §16.1): a copy has ended.
package struct CallbackOffloadArguments: XDRValue {
    package var file: NFSFileHandle
    package var stateID: StateID
    package var outcome: OffloadOutcome

    package init(file: NFSFileHandle, stateID: StateID, outcome: OffloadOutcome) {
        self.file = file
        self.stateID = stateID
        self.outcome = outcome
    }

    package static var bytesMin: Int { 24 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        file = try NFSFileHandle(from: &reader)
        stateID = try StateID(from: &reader)
        outcome = try OffloadOutcome(from: &reader)
    }

    package func encode(to writer: inout XDRWriter) {
        file.encode(to: &writer)
        stateID.encode(to: &writer)
        outcome.encode(to: &writer)
    }
}
