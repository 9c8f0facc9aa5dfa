import NFSWire

extension NFSStatus {
    /// Whether an owner of NFSv4.0 counts a request that ended so (RFC 7530 §9.1.7).
    var advancesOwner: Bool {
        switch self {
        case .staleClientID, .staleStateID, .badStateID, .badSequenceID, .badXDR, .resource,
            .noFileHandle, .moved:
            false
        default: true
        }
    }

    /// What an operation of NFSv4.0 says for it (RFC 7530 §13.2).
    ///
    /// 4.0 has no NFS4ERR_WRONG_TYPE: what is neither file nor directory is NFS4ERR_SYMLINK to OPEN (§16.16.6) and
    /// NFS4ERR_INVAL to the others (RFC 8881 §15.1.2.9); NFS4ERR_SYMLINK is LOOKUP's and OPEN's alone.
    func inV40(of code: OperationCode) -> NFSStatus {
        switch (self, code) {
        case (.noFileHandle, .restoreFileHandle): .noSavedHandle
        case (.symlink, .open), (.symlink, .lookup), (.wrongType, .open): .symlink
        case (.symlink, .lookupParent), (.symlink, .create), (.symlink, .link), (.symlink, .remove),
            (.symlink, .rename), (.symlink, .readDirectory), (.symlink, .securityInfo):
            .notDirectory
        case (.symlink, _), (.wrongType, _): .invalid
        case (.replyTooBig, _): .resource
        default: isLegal(in: .v40) ? self : .serverFault
        }
    }
}

extension OperationReply {
    /// As NFSv4.0 says it.
    var inV40: OperationReply {
        guard case .failed(let code, let status) = self else { return self }
        return .failure(status.inV40(of: code), of: code)
    }
}
