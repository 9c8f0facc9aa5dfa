/// SETCLIENTID (RFC 7530 §16.33): a client of 4.0 introduces itself.
package struct SetClientIDArguments: XDRValue {
    package var client: ClientOwner
    package var callback: CallbackClient
    package var callbackIdentifier: UInt32

    package init(
        client: ClientOwner,
        callback: CallbackClient,
        callbackIdentifier: UInt32
    ) {
        self.client = client
        self.callback = callback
        self.callbackIdentifier = callbackIdentifier
    }

    package static var bytesMin: Int { 28 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        client = try ClientOwner(from: &reader)
        callback = try CallbackClient(from: &reader)
        callbackIdentifier = try reader.uint32("callback_ident")
    }

    package func encode(to writer: inout XDRWriter) {
        client.encode(to: &writer)
        callback.encode(to: &writer)
        writer.write(callbackIdentifier)
    }
}

/// The client id and what confirms it; SETCLIENTID_CONFIRM (RFC 7530 §16.34) sends both back.
package struct SetClientIDReply: XDRValue {
    package var client: ClientID
    package var confirmation: Verifier

    package init(client: ClientID, confirmation: Verifier) {
        self.client = client
        self.confirmation = confirmation
    }

    package static var bytesMin: Int { 16 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        client = try ClientID(from: &reader)
        confirmation = try Verifier(from: &reader)
    }

    package func encode(to writer: inout XDRWriter) {
        client.encode(to: &writer)
        confirmation.encode(to: &writer)
    }
}
