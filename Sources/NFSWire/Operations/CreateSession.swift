/// The limits of one direction of a session: channel_attrs4 (RFC 8881 §18.36.1).
package struct ChannelAttributes: XDRValue, Hashable {
    package var headerPadding: UInt32
    package var requestBytesMax: UInt32
    package var replyBytesMax: UInt32
    package var cachedReplyBytesMax: UInt32
    package var operationsMax: UInt32
    package var slotsMax: UInt32
    package var rdmaReadDepth: UInt32?

    package init(
        headerPadding: UInt32,
        requestBytesMax: UInt32,
        replyBytesMax: UInt32,
        cachedReplyBytesMax: UInt32,
        operationsMax: UInt32,
        slotsMax: UInt32,
        rdmaReadDepth: UInt32?
    ) {
        self.headerPadding = headerPadding
        self.requestBytesMax = requestBytesMax
        self.replyBytesMax = replyBytesMax
        self.cachedReplyBytesMax = cachedReplyBytesMax
        self.operationsMax = operationsMax
        self.slotsMax = slotsMax
        self.rdmaReadDepth = rdmaReadDepth
    }

    package static var bytesMin: Int { 28 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        headerPadding = try reader.uint32("ca_headerpadsize")
        requestBytesMax = try reader.uint32("ca_maxrequestsize")
        replyBytesMax = try reader.uint32("ca_maxresponsesize")
        cachedReplyBytesMax = try reader.uint32("ca_maxresponsesize_cached")
        operationsMax = try reader.uint32("ca_maxoperations")
        slotsMax = try reader.uint32("ca_maxrequests")
        rdmaReadDepth = try reader.optional("ca_rdma_ird")
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(headerPadding)
        writer.write(requestBytesMax)
        writer.write(replyBytesMax)
        writer.write(cachedReplyBytesMax)
        writer.write(operationsMax)
        writer.write(slotsMax)
        writer.write(optional: rdmaReadDepth)
    }
}

/// CREATE_SESSION4_FLAG_* (RFC 8881 §18.36.1).
package struct CreateSessionFlags: XDRFlags, Hashable {
    package static let name = "csa_flags"

    package let rawValue: UInt32

    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    package static let persist = CreateSessionFlags(rawValue: 1)
    package static let connectionBackChannel = CreateSessionFlags(rawValue: 2)
    package static let connectionRDMA = CreateSessionFlags(rawValue: 4)
}

/// CREATE_SESSION (RFC 8881 §18.36).
package struct CreateSessionArguments: XDRValue {
    package var client: ClientID
    package var sequence: UInt32
    package var flags: CreateSessionFlags
    package var foreChannel: ChannelAttributes
    package var backChannel: ChannelAttributes
    package var callbackProgram: UInt32
    package var callbackSecurity: [CallbackSecurity]

    package init(
        client: ClientID,
        sequence: UInt32,
        flags: CreateSessionFlags,
        foreChannel: ChannelAttributes,
        backChannel: ChannelAttributes,
        callbackProgram: UInt32,
        callbackSecurity: [CallbackSecurity]
    ) {
        self.client = client
        self.sequence = sequence
        self.flags = flags
        self.foreChannel = foreChannel
        self.backChannel = backChannel
        self.callbackProgram = callbackProgram
        self.callbackSecurity = callbackSecurity
    }

    package static var bytesMin: Int { 80 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        client = try ClientID(from: &reader)
        sequence = try reader.uint32("csa_sequence")
        flags = try CreateSessionFlags(from: &reader)
        foreChannel = try ChannelAttributes(from: &reader)
        backChannel = try ChannelAttributes(from: &reader)
        callbackProgram = try reader.uint32("csa_cb_program")
        callbackSecurity = try reader.array("csa_sec_parms", max: NFSLimits.callbackSecurityMax)
    }

    package func encode(to writer: inout XDRWriter) {
        client.encode(to: &writer)
        writer.write(sequence)
        flags.encode(to: &writer)
        foreChannel.encode(to: &writer)
        backChannel.encode(to: &writer)
        writer.write(callbackProgram)
        writer.write(callbackSecurity)
    }
}

/// A session (RFC 8881 §18.36.2).
package struct CreateSessionReply: XDRValue {
    package var session: SessionID
    package var sequence: UInt32
    package var flags: CreateSessionFlags
    package var foreChannel: ChannelAttributes
    package var backChannel: ChannelAttributes

    package init(
        session: SessionID,
        sequence: UInt32,
        flags: CreateSessionFlags,
        foreChannel: ChannelAttributes,
        backChannel: ChannelAttributes
    ) {
        self.session = session
        self.sequence = sequence
        self.flags = flags
        self.foreChannel = foreChannel
        self.backChannel = backChannel
    }

    package static var bytesMin: Int { 80 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        session = try SessionID(from: &reader)
        sequence = try reader.uint32("csr_sequence")
        flags = try CreateSessionFlags(from: &reader)
        foreChannel = try ChannelAttributes(from: &reader)
        backChannel = try ChannelAttributes(from: &reader)
    }

    package func encode(to writer: inout XDRWriter) {
        session.encode(to: &writer)
        writer.write(sequence)
        flags.encode(to: &writer)
        foreChannel.encode(to: &writer)
        backChannel.encode(to: &writer)
    }
}

/// BACKCHANNEL_CTL (RFC 8881 §18.33).
package struct BackChannelControlArguments: XDRValue {
    package var callbackProgram: UInt32
    package var callbackSecurity: [CallbackSecurity]

    package init(callbackProgram: UInt32, callbackSecurity: [CallbackSecurity]) {
        self.callbackProgram = callbackProgram
        self.callbackSecurity = callbackSecurity
    }

    package static var bytesMin: Int { 8 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        callbackProgram = try reader.uint32("bca_cb_program")
        callbackSecurity = try reader.array("bca_sec_parms", max: NFSLimits.callbackSecurityMax)
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(callbackProgram)
        writer.write(callbackSecurity)
    }
}

/// channel_dir_from_client4 (RFC 8881 §18.34.1).
package enum ChannelDirectionRequest: UInt32, XDREnumeration, Hashable {
    package static let name = "channel_dir_from_client4"

    case fore = 1
    case back = 2
    case foreOrBoth = 3
    case backOrBoth = 7
}

/// channel_dir_from_server4 (RFC 8881 §18.34.2).
package enum ChannelDirection: UInt32, XDREnumeration, Hashable {
    package static let name = "channel_dir_from_server4"

    case fore = 1
    case back = 2
    case both = 3
}

/// BIND_CONN_TO_SESSION (RFC 8881 §18.34).
package struct BindConnectionArguments: XDRValue {
    package var session: SessionID
    package var direction: ChannelDirectionRequest
    package var useRDMA: Bool

    package init(session: SessionID, direction: ChannelDirectionRequest, useRDMA: Bool) {
        self.session = session
        self.direction = direction
        self.useRDMA = useRDMA
    }

    package static var bytesMin: Int { 24 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        session = try SessionID(from: &reader)
        direction = try ChannelDirectionRequest(from: &reader)
        useRDMA = try reader.bool("bctsa_use_conn_in_rdma_mode")
    }

    package func encode(to writer: inout XDRWriter) {
        session.encode(to: &writer)
        direction.encode(to: &writer)
        writer.write(useRDMA)
    }
}

/// How the connection is bound.
package struct BindConnectionReply: XDRValue {
    package var session: SessionID
    package var direction: ChannelDirection
    package var useRDMA: Bool

    package init(session: SessionID, direction: ChannelDirection, useRDMA: Bool) {
        self.session = session
        self.direction = direction
        self.useRDMA = useRDMA
    }

    package static var bytesMin: Int { 24 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        session = try SessionID(from: &reader)
        direction = try ChannelDirection(from: &reader)
        useRDMA = try reader.bool("bctsr_use_conn_in_rdma_mode")
    }

    package func encode(to writer: inout XDRWriter) {
        session.encode(to: &writer)
        direction.encode(to: &writer)
        writer.write(useRDMA)
    }
}
