extension OperationReply: XDRValue {
    package static var bytesMin: Int { 8 }

    /// Reads the number, the status and the results: a client's side.
    package init(from reader: inout XDRReader) throws(XDRError) {
        let code = try OperationCode(from: &reader)
        let status = try NFSStatus(from: &reader)
        if status != .ok {
            self = try Self.failure(status, of: code, from: &reader)
            return
        }
        guard code != .illegal else {
            throw XDRError(.badValue, "nfsstat4", at: reader.offset - 4)
        }
        switch code.since {
        case .v40: self = try Self.original(code, from: &reader)
        case .v41: self = try Self.session(code, from: &reader)
        case .v42: self = try Self.newest(code, from: &reader)
        }
    }

    /// A failure with what some add to it.
    private static func failure(
        _ status: NFSStatus,
        of code: OperationCode,
        from reader: inout XDRReader
    ) throws(XDRError) -> OperationReply {
        switch (code, status) {
        case (.setAttributes, _):
            return .setAttributes(
                SetAttributesReply(status: status, attributesSet: try Bitmap(from: &reader))
            )
        case (.lock, .denied): return .lockDenied(try LockDenied(from: &reader))
        case (.lockTest, .denied): return .lockTestDenied(try LockDenied(from: &reader))
        case (.setClientID, .clientIDInUse):
            return .clientIDInUse(try NetworkAddress(from: &reader))
        case (.getDeviceInfo, .tooSmall):
            return .deviceInfoTooSmall(try reader.uint32("gdir_mincount"))
        case (.layoutGet, .layoutTryLater):
            return .layoutTryLater(try reader.bool("logr_will_signal_layout_avail"))
        case (.copy, .offloadRequirementsNotMet):
            return .copyRequirementsNotMet(try CopyRequirements(from: &reader))
        default: return .failed(code, status)
        }
    }

    /// Of NFSv4.0.
    private static func original(
        _ code: OperationCode,
        from reader: inout XDRReader
    ) throws(XDRError) -> OperationReply {
        switch code {
        case .access: return .access(try AccessReply(from: &reader))
        case .close: return .close(try StateID(from: &reader))
        case .commit: return .commit(try Verifier(from: &reader))
        case .create: return .create(try CreateReply(from: &reader))
        case .getAttributes: return .getAttributes(try FileAttributes(from: &reader))
        case .getFileHandle: return .getFileHandle(try NFSFileHandle(from: &reader))
        case .link: return .link(try ChangeInfo(from: &reader))
        case .lock: return .lock(try StateID(from: &reader))
        case .unlock: return .unlock(try StateID(from: &reader))
        case .open: return .open(try OpenReply(from: &reader))
        case .openConfirm: return .openConfirm(try StateID(from: &reader))
        case .openDowngrade: return .openDowngrade(try StateID(from: &reader))
        case .read: return .read(try ReadReply(from: &reader))
        case .readDirectory: return .readDirectory(try ReadDirectoryReply(from: &reader))
        case .readLink: return .readLink(try ReadLinkReply(from: &reader))
        case .remove: return .remove(try ChangeInfo(from: &reader))
        case .rename: return .rename(try RenameReply(from: &reader))
        case .securityInfo:
            return .securityInfo(
                try reader.array("SECINFO4resok", max: NFSLimits.securityFlavorsMax)
            )
        case .setAttributes:
            return .setAttributes(
                SetAttributesReply(status: .ok, attributesSet: try Bitmap(from: &reader))
            )
        case .setClientID: return .setClientID(try SetClientIDReply(from: &reader))
        case .write: return .write(try WriteReply(from: &reader))
        default: return .ok(code)
        }
    }

    /// Since NFSv4.1.
    private static func session(
        _ code: OperationCode,
        from reader: inout XDRReader
    ) throws(XDRError) -> OperationReply {
        switch code {
        case .bindConnection: return .bindConnection(try BindConnectionReply(from: &reader))
        case .exchangeID: return .exchangeID(try ExchangeIDReply(from: &reader))
        case .createSession: return .createSession(try CreateSessionReply(from: &reader))
        case .getDirectoryDelegation:
            return .getDirectoryDelegation(try GetDirectoryDelegationReply(from: &reader))
        case .getDeviceInfo: return .getDeviceInfo(try GetDeviceInfoReply(from: &reader))
        case .getDeviceList: return .getDeviceList(try GetDeviceListReply(from: &reader))
        case .layoutCommit: return .layoutCommit(try LayoutCommitReply(from: &reader))
        case .layoutGet: return .layoutGet(try LayoutGetReply(from: &reader))
        case .layoutReturn: return .layoutReturn(try LayoutReturnReply(from: &reader))
        case .securityInfoNoName:
            return .securityInfoNoName(
                try reader.array("SECINFO4resok", max: NFSLimits.securityFlavorsMax)
            )
        case .sequence: return .sequence(try SequenceReply(from: &reader))
        case .setStateSecret: return .setStateSecret(try OpaqueBody(from: &reader))
        case .testStateIDs: return .testStateIDs(try TestStateIDsReply(from: &reader))
        case .wantDelegation: return .wantDelegation(try OpenDelegation(from: &reader))
        default: return .ok(code)
        }
    }

    /// Since NFSv4.2.
    private static func newest(
        _ code: OperationCode,
        from reader: inout XDRReader
    ) throws(XDRError) -> OperationReply {
        switch code {
        case .copy: return .copy(try CopyReply(from: &reader))
        case .copyNotify: return .copyNotify(try CopyNotifyReply(from: &reader))
        case .ioAdvise: return .ioAdvise(try Bitmap(from: &reader))
        case .offloadStatus: return .offloadStatus(try OffloadStatusReply(from: &reader))
        case .readPlus: return .readPlus(try ReadPlusReply(from: &reader))
        case .seek: return .seek(try SeekReply(from: &reader))
        case .writeSame: return .writeSame(try WriteResponse(from: &reader))
        case .getXattr: return .getXattr(try GetXattrReply(from: &reader))
        case .setXattr: return .setXattr(try ChangeInfo(from: &reader))
        case .listXattrs: return .listXattrs(try ListXattrsReply(from: &reader))
        case .removeXattr: return .removeXattr(try ChangeInfo(from: &reader))
        default: return .ok(code)
        }
    }
}
