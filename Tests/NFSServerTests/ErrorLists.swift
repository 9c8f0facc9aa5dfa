import NFSWire
import Testing

/// Which errors the RFCs let each operation answer, row by row: RFC 5661 §15.2, which RFC 8881 §15.2 takes over, RFC 7862 §11.2 and RFC 7530 §13.2.
///
/// Every reply that a test reads is held against it (`WireClient.answer`). RFC 8276's four operations, on extended attributes, have no row.
enum ErrorLists {
    typealias Errors = Set<NFSStatus>

    /// What most rows of 4.1 have: of decoding, of the session, and of a server that is busy or at a loss.
    private static let general: Errors = ofSession.and([.delay, .serverFault])
    private static let ofSession: Errors = [
        .badXDR, .deadSession, .operationNotInSession, .replyTooBig, .replyTooBigToCache,
        .requestTooBig, .retryUncachedReply, .tooManyOperations,
    ]
    /// Of an operation that needs a file handle.
    private static let handle: Errors = [.handleExpired, .moved, .noFileHandle, .stale]
    private static let onObject = general.and(handle)
    /// Of one that may stand alone, outside of any session.
    private static let alone = general.less([.operationNotInSession])
    static let stateID: Errors = [.adminRevoked, .badStateID, .expired, .oldStateID]
    static let name: Errors = [.badCharacter, .badName, .nameTooLong]
    private static let pnfs: Errors = [.pnfsHole, .pnfsNoLayout]
    /// READ's and WRITE's, and of those of 4.2 that do the same.
    private static let ofData = onObject.and(stateID).and([
        .accessDenied, .delegationRevoked, .grace, .invalid, .inputOutput, .isDirectory, .symlink,
        .wrongType,
    ])
    static let ofRoom: Errors = [.quotaExceeded, .noSpace]
    private static let notOffered = onObject.and([.notSupported])

    // MARK: NFSv4.1 and 4.2

    /// As the table has them; of operations that are not offered, those errors that do not need them.
    static let listed: [OperationCode: Errors] =
        ofObjects.merging(ofState) { one, _ in one }
        .merging(ofSessions) { one, _ in one }
        .merging(ofNewest) { one, _ in one }

    private static let ofObjects: [OperationCode: Errors] = [
        .access: onObject.and([.accessDenied, .invalid, .inputOutput]),
        .commit: onObject.and([
            .accessDenied, .inputOutput, .isDirectory, .symlink, .wrongType,
        ]),
        .create: onObject.and(name).and(ofRoom).and([
            .accessDenied, .attributeNotSupported, .badOwner, .badType, .exists, .invalid,
            .inputOutput, .tooManyLinks, .notDirectory, .notPermitted, .readOnly, .unsafeCompound,
        ]),
        .getAttributes: onObject.and([
            .accessDenied, .grace, .invalid, .inputOutput, .wrongType,
        ]),
        .getFileHandle: handle.and([.operationNotInSession]),
        .illegal: [.badXDR, .illegalOperation],
        .link: onObject.and(name).and(ofRoom).and([
            .accessDenied, .exists, .fileOpen, .grace, .invalid, .isDirectory, .inputOutput,
            .tooManyLinks, .notDirectory, .notSupported, .readOnly, .symlink, .wrongSecurity,
            .wrongType, .crossDevice,
        ]),
        .lookup: onObject.and(name).and([
            .accessDenied, .invalid, .inputOutput, .noEntry, .notDirectory, .symlink,
            .wrongSecurity,
        ]),
        .lookupParent: onObject.less([.badXDR]).and([
            .accessDenied, .inputOutput, .noEntry, .notDirectory, .symlink, .wrongSecurity,
        ]),
        .verify: ofComparing.and([.notSame]),
        .verifyNot: ofComparing.and([.same]),
        .openAttributeDirectory: notOffered,
        .putFileHandle: general.and([.badHandle, .moved, .stale, .wrongSecurity]),
        .putPublicFileHandle: general.less([.badXDR]).and([.wrongSecurity]),
        .putRootFileHandle: general.less([.badXDR]).and([.wrongSecurity]),
        .readDirectory: onObject.and([
            .accessDenied, .badCookie, .invalid, .inputOutput, .notDirectory, .notSame, .tooSmall,
        ]),
        .readLink: onObject.less([.badXDR]).and([
            .accessDenied, .invalid, .inputOutput, .wrongType,
        ]),
        .remove: onObject.and(name).and([
            .accessDenied, .fileOpen, .grace, .invalid, .inputOutput, .noEntry, .notDirectory,
            .notEmpty, .readOnly,
        ]),
        .rename: onObject.and(name).and(ofRoom).and([
            .accessDenied, .exists, .fileOpen, .grace, .invalid, .inputOutput, .tooManyLinks,
            .noEntry, .notDirectory, .notEmpty, .readOnly, .wrongSecurity, .crossDevice,
        ]),
        .restoreFileHandle: onObject.less([.badXDR, .delay]).and([.wrongSecurity]),
        .saveFileHandle: onObject.less([.badXDR, .delay]),
        .securityInfo: onObject.and(name).and([
            .accessDenied, .invalid, .noEntry, .notDirectory,
        ]),
        .securityInfoNoName: onObject.and([
            .accessDenied, .invalid, .noEntry, .notDirectory, .notSupported,
        ]),
        .setAttributes: onObject.and(stateID).and(ofRoom).and([
            .accessDenied, .attributeNotSupported, .badCharacter, .badOwner, .delegationRevoked,
            .fileTooLarge, .grace, .invalid, .inputOutput, .locked, .openMode, .notPermitted,
            .readOnly, .unknownLayoutType, .wrongType,
        ]),
    ]

    private static let ofComparing = onObject.and([
        .accessDenied, .attributeNotSupported, .badCharacter, .grace, .invalid, .inputOutput,
        .unknownLayoutType, .wrongType,
    ])

    private static let ofState: [OperationCode: Errors] = [
        .close: onObject.and(stateID).and([.locksHeld, .wrongCredentials]),
        .delegationPurge: general.and([.notSupported, .wrongCredentials]),
        .delegationReturn: onObject.and(stateID).and([
            .delegationRevoked, .invalid, .notSupported, .wrongCredentials,
        ]),
        .freeStateID: general.and([
            .badStateID, .locksHeld, .oldStateID, .wrongCredentials,
        ]),
        .lock: onObject.and(stateID).and([
            .accessDenied, .badRange, .deadlock, .denied, .grace, .invalid, .isDirectory,
            .lockNotSupported, .lockRange, .noGrace, .openMode, .badReclaim, .reclaimConflict,
            .readOnly, .symlink, .wrongCredentials, .wrongType,
        ]),
        .lockTest: onObject.less([.serverFault]).and([
            .accessDenied, .badRange, .denied, .grace, .invalid, .isDirectory, .lockRange,
            .readOnly, .symlink, .wrongCredentials, .wrongType,
        ]),
        .unlock: onObject.and(stateID).and([
            .accessDenied, .badRange, .invalid, .lockRange, .wrongCredentials,
        ]),
        .open: onObject.and(stateID).and(name).and(ofRoom).and([
            .accessDenied, .attributeNotSupported, .badOwner, .delegationAlreadyWanted,
            .delegationRevoked, .exists, .fileTooLarge, .grace, .invalid, .isDirectory,
            .inputOutput, .noEntry, .notDirectory, .noGrace, .notPermitted, .badReclaim,
            .reclaimConflict, .readOnly, .shareDenied, .symlink, .unsafeCompound, .wrongSecurity,
            .wrongType,
        ]),
        .openConfirm: [.notSupported],
        .openDowngrade: onObject.and(stateID).and([
            .invalid, .readOnly, .wrongCredentials,
        ]),
        .read: ofData.and(pnfs).and([.locked, .openMode]),
        .releaseLockOwner: [.notSupported],
        .testStateIDs: general,
        .write: ofData.and(pnfs).and(ofRoom).and([
            .fileTooLarge, .locked, .openMode, .readOnly,
        ]),
        .getDirectoryDelegation: notOffered, .getDeviceInfo: notOffered,
        .getDeviceList: notOffered, .layoutCommit: notOffered, .layoutGet: notOffered,
        .layoutReturn: notOffered, .wantDelegation: notOffered,
    ]

    private static let ofSessions: [OperationCode: Errors] = [
        .backChannelControl: general.less([.serverFault]).and([.invalid, .noEntry]),
        .bindConnection: alone.and([
            .badSession, .badSessionDigest, .invalid, .notOnlyOperation,
        ]),
        .createSession: alone.and([
            .clientIDInUse, .invalid, .noEntry, .notOnlyOperation, .noSpace, .sequenceMisordered,
            .staleClientID, .tooSmall, .wrongCredentials,
        ]),
        .destroyClientID: alone.and([
            .clientIDBusy, .notOnlyOperation, .staleClientID, .wrongCredentials,
        ]),
        .destroySession: alone.and([
            .backChannelBusy, .badSession, .callbackPathDown, .connectionNotBound,
            .notOnlyOperation, .staleClientID, .wrongCredentials,
        ]),
        .exchangeID: alone.and([
            .badCharacter, .clientIDInUse, .encryptionNotSupported, .hashNotSupported, .invalid,
            .noEntry, .notOnlyOperation, .notSame,
        ]),
        .reclaimComplete: onObject.and([
            .completeAlready, .invalid, .wrongCredentials, .wrongType,
        ]),
        .renew: [.notSupported],
        .sequence: alone.less([.serverFault]).and([
            .badSession, .badSlot, .badHighSlot, .connectionNotBound, .sequencePosition,
            .falseRetry, .sequenceMisordered,
        ]),
        .setClientID: [.notSupported],
        .setClientIDConfirm: [.notSupported],
        .setStateSecret: general.less([.serverFault]).and([.badSessionDigest, .invalid]),
    ]

    private static let ofNewest: [OperationCode: Errors] = [
        .allocate: ofData.and(ofRoom).and([
            .fileTooLarge, .notSupported, .openMode, .readOnly,
        ]),
        .clone: ofData.and(ofRoom).and([
            .fileTooLarge, .notSupported, .openMode, .readOnly, .crossDevice,
        ]),
        .copy: ofData.and(ofRoom).and(pnfs).and([
            .fileTooLarge, .locked, .offloadDenied, .openMode, .partnerNotAuthorized,
            .partnerNotSupported, .readOnly,
        ]),
        .copyNotify: ofData.and(pnfs).and([.locked, .openMode]),
        .deallocate: ofData.and([.fileTooLarge, .notSupported, .openMode, .readOnly]),
        .ioAdvise: ofData.less([.replyTooBig, .replyTooBigToCache, .requestTooBig])
            .and([.fileTooLarge, .notSupported]),
        .layoutError: notOffered, .layoutStats: notOffered,
        .offloadCancel: ofOffload, .offloadStatus: ofOffload,
        .readPlus: ofData.and(pnfs).and([
            .locked, .notSupported, .openMode, .partnerNotAuthorized,
        ]),
        .seek: ofData.and(pnfs).and([
            .locked, .notSupported, .openMode, .unionNotSupported,
        ]),
        .writeSame: ofData.and(ofRoom).and(pnfs).and([
            .fileTooLarge, .locked, .notSupported, .openMode, .readOnly,
        ]),
    ]

    private static let ofOffload: Errors = stateID.and([
        .badXDR, .completeAlready, .deadSession, .delay, .grace, .notSupported,
        .operationNotInSession, .serverFault, .tooManyOperations,
    ])

    /// What the table lacks and an operation is answered with all the same, and why.
    static let beyond: [OperationCode: [NFSStatus: String]] = [
        .clone: [.locked: denied],
        .commit: [.noSpace: ofCommit],
        .copyNotify: [.notSupported: "it is not offered (§15.1.1.5)"],
        .deallocate: [
            .locked: denied, .noSpace: "the past keeps what was there, and its rows take room",
        ],
        .exchangeID: [.notPermitted: "§18.35.4, case 9"],
        .ioAdvise: [.locked: denied],
        .open: [
            .notSupported:
                "a delegation of before a restart cannot be claimed: not offered (§15.1.1.5)"
        ],
        .remove: [.noSpace: "the past keeps the name, and its rows take room"],
        .seek: [.noDevice: "RFC 7862 §15.11.3"],
    ]

    private static let denied = "§9.1.2 has it for READ, WRITE and SETATTR; these do the same"
    static let ofCommit =
        "what an unstable WRITE left to it; NFS4ERR_IO would not tell the program why"

    // MARK: Held against

    /// Of what a COMPOUND as such is answered with, whatever operation stands there: how long, how many, how it decodes, in which session
    /// (RFC 8881 §2.10.6, §15.1.3; RFC 7530 §13.1.3).
    private static let ofCompound: [MinorVersion: Errors] = [
        .v40: [.badXDR, .resource], .v41: ofSession, .v42: ofSession,
    ]

    /// Whether an operation of a minor version may be answered so.
    static func allows(_ status: NFSStatus, of code: OperationCode, in version: MinorVersion)
        -> Bool
    {
        let (lists, more) = version == .v40 ? (listedInV40, beyondInV40) : (listed, beyond)
        guard status != .ok, let row = lists[code] else { return true }
        return row.contains(status) || more[code]?[status] != nil
            || ofCompound[version]?.contains(status) == true
    }

    /// Holds a reply against the lists of the version that its request says.
    static func check(_ reply: CompoundReply, to request: ByteChain) {
        guard let version = Self.version(of: request) else { return }
        for result in reply.results {
            let isAllowed = allows(result.status, of: result.code, in: version)
            #expect(isAllowed, "\(version): \(result.code) does not list \(result.status)")
        }
    }

    private static func version(of request: ByteChain) -> MinorVersion? {
        var reader = XDRReader(request)
        do throws(XDRError) {
            _ = try reader.opaque("tag", max: NFSLimits.tagBytesMax)
            return MinorVersion(rawValue: try reader.uint32("minorversion"))
        } catch {
            return nil
        }
    }
}

extension Set<NFSStatus> {
    /// The same, and more; of one type alone, for the compiler has hundreds of them to look at.
    func and(_ more: Set<NFSStatus>) -> Set<NFSStatus> { union(more) }

    func less(_ others: Set<NFSStatus>) -> Set<NFSStatus> { subtracting(others) }
}

/// RFC 7530 §13.2.
extension ErrorLists {
    private static let objectV40: Errors = [
        .badHandle, .badXDR, .delay, .handleExpired, .moved, .noFileHandle, .resource,
        .serverFault, .stale,
    ]
    private static let stateV40 = stateID.and([.leaseMoved, .staleStateID])
    private static let ofDataV40 = objectV40.and(stateV40).and([
        .accessDenied, .grace, .invalid, .inputOutput, .isDirectory, .locked, .openMode, .symlink,
    ])
    private static let comparingV40 = objectV40.and([
        .accessDenied, .attributeNotSupported, .badCharacter, .grace, .invalid, .inputOutput,
    ])

    static let listedInV40: [OperationCode: Errors] =
        objectsInV40.merging(stateInV40) { one, _ in one }

    private static let objectsInV40: [OperationCode: Errors] = [
        .access: objectV40.and([.accessDenied, .invalid, .inputOutput]),
        .commit: objectV40.and([
            .accessDenied, .invalid, .inputOutput, .isDirectory, .readOnly, .symlink,
        ]),
        .create: objectV40.and(name).and(ofRoom).and([
            .accessDenied, .attributeNotSupported, .badOwner, .badType, .exists, .invalid,
            .inputOutput, .notDirectory, .notPermitted, .readOnly,
        ]),
        .getAttributes: objectV40.and([.accessDenied, .grace, .invalid, .inputOutput]),
        .getFileHandle: objectV40.less([.badXDR, .delay]),
        .illegal: [.badXDR, .illegalOperation],
        .link: objectV40.and(name).and(ofRoom).and([
            .accessDenied, .exists, .fileOpen, .invalid, .inputOutput, .isDirectory,
            .tooManyLinks, .noEntry, .notDirectory, .notSupported, .readOnly, .wrongSecurity,
            .crossDevice,
        ]),
        .lookup: objectV40.and(name).and([
            .accessDenied, .invalid, .inputOutput, .noEntry, .notDirectory, .symlink,
            .wrongSecurity,
        ]),
        .lookupParent: objectV40.less([.badXDR]).and([
            .accessDenied, .inputOutput, .noEntry, .notDirectory, .symlink, .wrongSecurity,
        ]),
        .verify: comparingV40.and([.notSame]),
        .verifyNot: comparingV40.less([.resource]).and([.same]),
        .openAttributeDirectory: objectV40.and(ofRoom).and([
            .accessDenied, .inputOutput, .noEntry, .notSupported, .readOnly,
        ]),
        .putFileHandle: [
            .badHandle, .badXDR, .delay, .handleExpired, .moved, .serverFault, .stale,
            .wrongSecurity,
        ],
        .putPublicFileHandle: [.delay, .serverFault, .wrongSecurity],
        .putRootFileHandle: [.delay, .serverFault, .wrongSecurity],
        .readDirectory: objectV40.and([
            .accessDenied, .badCookie, .invalid, .inputOutput, .notDirectory, .notSame, .tooSmall,
        ]),
        .readLink: objectV40.less([.badXDR]).and([
            .accessDenied, .invalid, .inputOutput, .isDirectory, .notSupported,
        ]),
        .remove: objectV40.and(name).and([
            .accessDenied, .fileOpen, .grace, .invalid, .inputOutput, .noEntry, .notDirectory,
            .notEmpty, .readOnly,
        ]),
        .rename: objectV40.and(name).and(ofRoom).and([
            .accessDenied, .exists, .fileOpen, .grace, .invalid, .inputOutput, .noEntry,
            .notDirectory, .notEmpty, .readOnly, .wrongSecurity, .crossDevice,
        ]),
        .restoreFileHandle: [
            .badHandle, .handleExpired, .moved, .resource, .noSavedHandle, .serverFault, .stale,
            .wrongSecurity,
        ],
        .saveFileHandle: objectV40.less([.badXDR, .delay]),
        .securityInfo: objectV40.and(name).and([
            .accessDenied, .invalid, .noEntry, .notDirectory,
        ]),
        .setAttributes: objectV40.and(stateV40).and(ofRoom).and([
            .accessDenied, .attributeNotSupported, .badCharacter, .badOwner, .fileTooLarge,
            .grace, .invalid, .inputOutput, .isDirectory, .locked, .openMode, .notPermitted,
            .readOnly,
        ]),
    ]

    private static let stateInV40: [OperationCode: Errors] = [
        .close: objectV40.and(stateV40).and([
            .badSequenceID, .invalid, .isDirectory, .locksHeld,
        ]),
        .delegationPurge: [
            .badXDR, .delay, .leaseMoved, .notSupported, .resource, .serverFault, .staleClientID,
        ],
        .delegationReturn: objectV40.less([.badHandle, .handleExpired]).and(stateV40)
            .and([.invalid, .notSupported]),
        .lock: objectV40.and(stateV40).and([
            .accessDenied, .badRange, .badSequenceID, .deadlock, .denied, .grace, .invalid,
            .isDirectory, .lockNotSupported, .lockRange, .noGrace, .openMode, .badReclaim,
            .reclaimConflict, .staleClientID,
        ]),
        .lockTest: objectV40.and([
            .accessDenied, .badRange, .denied, .expired, .grace, .invalid, .isDirectory,
            .leaseMoved, .lockRange, .staleClientID,
        ]),
        .unlock: objectV40.and(stateV40).and([
            .accessDenied, .badRange, .badSequenceID, .grace, .invalid, .isDirectory, .lockRange,
        ]),
        .open: objectV40.and(stateID).and(name).and(ofRoom).and([
            .accessDenied, .attributeNotSupported, .badOwner, .badSequenceID, .exists,
            .fileTooLarge, .grace, .invalid, .inputOutput, .isDirectory, .noEntry, .noGrace,
            .notDirectory, .notSupported, .notPermitted, .badReclaim, .reclaimConflict, .readOnly,
            .shareDenied, .staleClientID, .symlink, .wrongSecurity,
        ]),
        .openConfirm: objectV40.less([.delay]).and(stateV40).and([
            .badSequenceID, .invalid, .isDirectory,
        ]),
        .openDowngrade: objectV40.and(stateV40).and([
            .badSequenceID, .invalid, .locksHeld, .readOnly,
        ]),
        .read: ofDataV40,
        .releaseLockOwner: [
            .badXDR, .expired, .leaseMoved, .locksHeld, .resource, .serverFault, .staleClientID,
        ],
        .renew: [
            .accessDenied, .badXDR, .callbackPathDown, .expired, .leaseMoved, .resource,
            .serverFault, .staleClientID,
        ],
        .setClientID: [.badXDR, .clientIDInUse, .delay, .invalid, .resource, .serverFault],
        .setClientIDConfirm: [
            .badXDR, .clientIDInUse, .delay, .resource, .serverFault, .staleClientID,
        ],
        .write: ofDataV40.and(ofRoom).and([.fileTooLarge, .noDevice, .readOnly]),
    ]

    static let beyondInV40: [OperationCode: [NFSStatus: String]] = [
        .commit: [.noSpace: ofCommit],
        .create: [.tooManyLinks: "a directory without room for one more below it"],
        .remove: [.noSpace: "the past keeps the name, and its rows take room"],
        .rename: [.tooManyLinks: "a directory without room for one more below it"],
    ]
}
