/// rpc_gss_svc_t (RFC 2203 §5.2.2).
package enum GSSService: UInt32, XDREnumeration, Hashable {
    package static let name = "rpc_gss_svc_t"

    case none = 1
    case integrity = 2
    case privacy = 3
}

/// A mechanism of RPCSEC_GSS: rpcsec_gss_info (RFC 8881 §18.29.2).
package struct GSSFlavor: XDRValue, Hashable {
    /// The mechanism's object identifier.
    package var mechanism: [UInt8]
    package var quality: UInt32
    package var service: GSSService

    package init(mechanism: [UInt8], quality: UInt32, service: GSSService) {
        self.mechanism = mechanism
        self.quality = quality
        self.service = service
    }

    package static var bytesMin: Int { 12 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        mechanism = try reader.opaque("oid", max: NFSLimits.opaqueBytesMax)
        quality = try reader.uint32("qop")
        service = try GSSService(from: &reader)
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(opaque: mechanism)
        writer.write(quality)
        service.encode(to: &writer)
    }
}

/// gss_cb_handles4 (RFC 8881 §18.33.1).
package struct GSSCallbackHandles: XDRValue, Hashable {
    package var service: GSSService
    package var fromServer: [UInt8]
    package var fromClient: [UInt8]

    package init(service: GSSService, fromServer: [UInt8], fromClient: [UInt8]) {
        self.service = service
        self.fromServer = fromServer
        self.fromClient = fromClient
    }

    package static var bytesMin: Int { 12 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        service = try GSSService(from: &reader)
        fromServer = try reader.opaque("gcbp_handle_from_server", max: NFSLimits.opaqueBytesMax)
        fromClient = try reader.opaque("gcbp_handle_from_client", max: NFSLimits.opaqueBytesMax)
    }

    package func encode(to writer: inout XDRWriter) {
        service.encode(to: &writer)
        writer.write(opaque: fromServer)
        writer.write(opaque: fromClient)
    }
}

/// How the server may authenticate its callbacks: callback_sec_parms4 (RFC 8881 §18.33.1).
package enum CallbackSecurity: XDRValue, Hashable {
    case none
    case system(AuthSys)
    case gss(GSSCallbackHandles)

    package init(from reader: inout XDRReader) throws(XDRError) {
        switch try reader.uint32("cb_secflavor") {
        case 0: self = .none
        case 1: self = .system(try AuthSys(from: &reader))
        case 6: self = .gss(try GSSCallbackHandles(from: &reader))
        default: throw XDRError(.badValue, "cb_secflavor", at: reader.offset - 4)
        }
    }

    package func encode(to writer: inout XDRWriter) {
        switch self {
        case .none:
            writer.write(UInt32(0))
        case .system(let value):
            writer.write(UInt32(1))
            value.encode(to: &writer)
        case .gss(let value):
            writer.write(UInt32(6))
            value.encode(to: &writer)
        }
    }
}

/// Operations that a state protection covers, by number: state_protect_ops4 (RFC 8881 §18.35.1).
package struct StateProtectOperations: XDRValue, Hashable {
    package var mustEnforce: Bitmap
    package var mustAllow: Bitmap

    package init(mustEnforce: Bitmap, mustAllow: Bitmap) {
        self.mustEnforce = mustEnforce
        self.mustAllow = mustAllow
    }

    package static var bytesMin: Int { 8 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        mustEnforce = try Bitmap(from: &reader)
        mustAllow = try Bitmap(from: &reader)
    }

    package func encode(to writer: inout XDRWriter) {
        mustEnforce.encode(to: &writer)
        mustAllow.encode(to: &writer)
    }
}

/// Bytes in a list of such: sec_oid4, gsshandle4_t, notifylist4.
package struct OpaqueBody: XDRValue, Hashable {
    package var bytes: [UInt8]

    package init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    package init(from reader: inout XDRReader) throws(XDRError) {
        bytes = try reader.opaque("sec_oid4", max: NFSLimits.bodyBytesMax)
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(opaque: bytes)
    }
}

/// What a client proposes for a secret state verifier: ssv_sp_parms4 (RFC 8881 §18.35.1).
package struct StateSecretParameters: XDRValue, Hashable {
    package var operations: StateProtectOperations
    package var hashAlgorithms: [OpaqueBody]
    package var encryptionAlgorithms: [OpaqueBody]
    package var window: UInt32
    package var gssHandleCount: UInt32

    package init(
        operations: StateProtectOperations,
        hashAlgorithms: [OpaqueBody],
        encryptionAlgorithms: [OpaqueBody],
        window: UInt32,
        gssHandleCount: UInt32
    ) {
        self.operations = operations
        self.hashAlgorithms = hashAlgorithms
        self.encryptionAlgorithms = encryptionAlgorithms
        self.window = window
        self.gssHandleCount = gssHandleCount
    }

    package static var bytesMin: Int { 24 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        operations = try StateProtectOperations(from: &reader)
        hashAlgorithms = try reader.array("ssp_hash_algs", max: NFSLimits.listMax)
        encryptionAlgorithms = try reader.array("ssp_encr_algs", max: NFSLimits.listMax)
        window = try reader.uint32("ssp_window")
        gssHandleCount = try reader.uint32("ssp_num_gss_handles")
    }

    package func encode(to writer: inout XDRWriter) {
        operations.encode(to: &writer)
        writer.write(hashAlgorithms)
        writer.write(encryptionAlgorithms)
        writer.write(window)
        writer.write(gssHandleCount)
    }
}

/// What a server grants of it: ssv_prot_info4 (RFC 8881 §18.35.2).
package struct StateSecretInfo: XDRValue, Hashable {
    package var operations: StateProtectOperations
    package var hashAlgorithm: UInt32
    package var encryptionAlgorithm: UInt32
    package var secretBytes: UInt32
    package var window: UInt32
    package var handles: [OpaqueBody]

    package init(
        operations: StateProtectOperations,
        hashAlgorithm: UInt32,
        encryptionAlgorithm: UInt32,
        secretBytes: UInt32,
        window: UInt32,
        handles: [OpaqueBody]
    ) {
        self.operations = operations
        self.hashAlgorithm = hashAlgorithm
        self.encryptionAlgorithm = encryptionAlgorithm
        self.secretBytes = secretBytes
        self.window = window
        self.handles = handles
    }

    package static var bytesMin: Int { 28 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        operations = try StateProtectOperations(from: &reader)
        hashAlgorithm = try reader.uint32("spi_hash_alg")
        encryptionAlgorithm = try reader.uint32("spi_encr_alg")
        secretBytes = try reader.uint32("spi_ssv_len")
        window = try reader.uint32("spi_window")
        handles = try reader.array("spi_handles", max: NFSLimits.listMax)
    }

    package func encode(to writer: inout XDRWriter) {
        operations.encode(to: &writer)
        writer.write(hashAlgorithm)
        writer.write(encryptionAlgorithm)
        writer.write(secretBytes)
        writer.write(window)
        writer.write(handles)
    }
}

/// How a client wants its state protected: state_protect4_a (RFC 8881 §18.35.1).
package indirect enum StateProtectRequest: XDRValue, Hashable {
    case none
    case machineCredential(StateProtectOperations)
    case secret(StateSecretParameters)

    package init(from reader: inout XDRReader) throws(XDRError) {
        switch try reader.uint32("state_protect_how4") {
        case 0: self = .none
        case 1: self = .machineCredential(try StateProtectOperations(from: &reader))
        case 2: self = .secret(try StateSecretParameters(from: &reader))
        default: throw XDRError(.badValue, "state_protect_how4", at: reader.offset - 4)
        }
    }

    package func encode(to writer: inout XDRWriter) {
        switch self {
        case .none:
            writer.write(UInt32(0))
        case .machineCredential(let value):
            writer.write(UInt32(1))
            value.encode(to: &writer)
        case .secret(let value):
            writer.write(UInt32(2))
            value.encode(to: &writer)
        }
    }
}

/// How a server protects it: state_protect4_r (RFC 8881 §18.35.2).
package indirect enum StateProtectGrant: XDRValue, Hashable {
    case none
    case machineCredential(StateProtectOperations)
    case secret(StateSecretInfo)

    package init(from reader: inout XDRReader) throws(XDRError) {
        switch try reader.uint32("state_protect_how4") {
        case 0: self = .none
        case 1: self = .machineCredential(try StateProtectOperations(from: &reader))
        case 2: self = .secret(try StateSecretInfo(from: &reader))
        default: throw XDRError(.badValue, "state_protect_how4", at: reader.offset - 4)
        }
    }

    package func encode(to writer: inout XDRWriter) {
        switch self {
        case .none:
            writer.write(UInt32(0))
        case .machineCredential(let value):
            writer.write(UInt32(1))
            value.encode(to: &writer)
        case .secret(let value):
            writer.write(UInt32(2))
            value.encode(to: &writer)
        }
    }
}
