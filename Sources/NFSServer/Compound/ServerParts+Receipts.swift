import FileSystemEngine
import NFSWire
import VarveModel

/// Requests of sessions of before a restart (RFC 8881 §2.10.6.5).
extension ServerParts {
    /// What was kept of a request that comes in a session of another start.
    ///
    /// - Returns: `.badSession`, or `.deadSession` where the slot is known and the request is not: it was not done, or need not be done
    ///   once only. Either way the client makes a new session and sends it there.
    func receipt(
        of arguments: SequenceArguments,
        _ request: CompoundRequest
    ) async -> Result<RequestReceipt, NFSStatus> {
        let key = ReceiptKey(arguments.session, slot: arguments.slot)
        let digest = request.digest(for: identity)
        var status = NFSStatus.badSession
        var found: RequestReceipt?
        for fileSystem in exports.current.sorted {
            guard let receipt = await receipt(key, in: fileSystem) else { continue }
            status = .deadSession
            guard receipt.sequence == arguments.sequence, receipt.digest == digest,
                receipt.changes.count > found?.changes.count ?? 0
            else { continue }
            // A request that changed several file systems: the one changed last knows of all.
            found = receipt
        }
        return found.map { .success($0) } ?? .failure(status)
    }

    @inline(never)
    private func receipt(
        _ key: ReceiptKey,
        in fileSystem: ExportedFileSystem
    ) async -> RequestReceipt? {
        do throws(FileSystemError) {
            return try await fileSystem.engine.receipt(key).flatMap { RequestReceipt(bytes: $0) }
        } catch {
            // The client sends its request again, as to a server that keeps no replies.
            note(error)
            return nil
        }
    }

    /// Forgets what was kept so long ago that no client can still be waiting for it.
    func forgetReceipts() async {
        let time = store.now().adding(seconds: -limits.receiptSeconds)
        for fileSystem in exports.current.sorted {
            await forgetReceipts(of: fileSystem, keptBefore: time)
        }
    }

    @inline(never)
    private func forgetReceipts(
        of fileSystem: ExportedFileSystem,
        keptBefore time: Timestamp
    ) async {
        do throws(FileSystemError) {
            try await fileSystem.engine.forgetReceipts(keptBefore: time)
        } catch {
            // They stay until the next round; nobody is the worse for it.
            note(error)
        }
    }
}

extension SequenceReply {
    /// Of a session of before the restart: its slots are as many as the client says that it uses.
    init(ofEarlier arguments: SequenceArguments) {
        self.init(
            session: arguments.session,
            sequence: arguments.sequence,
            slot: arguments.slot,
            highestSlot: arguments.highestSlot,
            targetHighestSlot: arguments.highestSlot,
            status: []
        )
    }
}
