import Backup
import BackupVault
import FoundationEssentials
import LocalAPI
import Policies
import VarveModel

/// Looks into recovery points without restoring them: for administrators, since a point holds everybody's files.
struct RecoveryPointRoutes: Sendable {
    let finder: PointFinder
    let coldTrees: ColdTrees

    /// 1 MiB: the piece in which bytes are read and sent.
    private static let pieceBytes: UInt64 = 1 << 20

    func add(to table: RouteTable) {
        table.on(Route.describePoint) { try await describe($0, $1) }
        table.on(Route.listPoint) { try await list($0, $1) }
        table.on(Route.readPoint) { try await read($0, $1) }
        table.on(Route.findInPoint) { try await find($0, $1) }
        table.on(Route.diffPoints) { try await diff($0, $1, $2) }
    }

    private func describe(
        _ request: RecoveryPointReference,
        _ peer: Peer
    ) async throws -> RecoveryPointDetails {
        try peer.requireAdministrator("describing a recovery point")
        let (vault, point) = try await finder.find(request)
        let holds = try await BlockingCalls.run { try vault.holds(of: point.id) }
        var details = RecoveryPointDetails(
            point: RecoveryPointDescription(point, vault: vault.name),
            holds: holds.map { HoldDescription($0) },
            statistics: point.statistics,
            labels: point.labels,
            archive: try await BlockingCalls.run { try ArchiveDescription(of: point, in: vault) }
        )
        details.copied = point.statistics[CopyRecord.copiedSeconds].map {
            TimeText(Timestamp(seconds: Int64(clamping: $0)))
        }
        return details
    }

    private func open(
        _ reference: RecoveryPointReference,
        _ peer: Peer
    ) async throws -> PointTree {
        try peer.requireAdministrator("looking into a recovery point")
        let (vault, point) = try await finder.find(reference)
        let key = try ColdRoutes.fileKey(reference.fileKey)
        return try await BlockingCalls.run { try coldTrees.look(into: point, of: vault, key: key) }
    }

    private func list(_ request: ListPoint, _ peer: Peer) async throws -> PointListing {
        let tree = try await open(request.file.point, peer)
        let path = try FilePlace.names(request.file.file)
        let top = try await BlockingCalls.run {
            if let number = request.directory {
                return try tree.inode(InodeNumber(rawValue: number))
            }
            return try tree.resolve(path)
        }
        guard top.attributes.kind == .directory else {
            return PointListing(entries: [FileEntry(top)], next: nil, left: [])
        }
        let page = try await BlockingCalls.run {
            try tree.list(top.attributes.inode, after: request.after)
        }
        return PointListing(
            entries: page.entries.map { FileEntry($0) },
            next: page.isEnd ? nil : page.cookie,
            left: page.damaged.map { LeftOut([$0.name], $0.error) }
        )
    }

    private func read(_ request: RecoveryPointPath, _ peer: Peer) async throws -> Outgoing<Nothing>
    {
        let tree = try await open(request.point, peer)
        let path = try FilePlace.names(request.file)
        let found = try await BlockingCalls.run { try tree.resolve(path) }
        guard found.attributes.kind == .regular else {
            throw APIError(
                found.attributes.kind == .directory ? .isDirectory : .invalid,
                "'\(request.file.description)' is a \(found.attributes.kind.word)",
                remedy: "Only regular files have bytes to read; 'varve restore' copies trees."
            )
        }
        let size = found.attributes.size
        // Read before the answer begins, so that damage is an answer and not a broken stream.
        let first = try await BlockingCalls.run {
            try tree.read(found, 0..<min(size, RecoveryPointRoutes.pieceBytes))
        }
        return Outgoing { send in
            try await send(first)
            var offset = UInt64(first.count)
            while offset < size {
                let range = offset..<min(size, offset + RecoveryPointRoutes.pieceBytes)
                try await send(try await BlockingCalls.run { try tree.read(found, range) })
                offset = range.upperBound
            }
            return Nothing()
        }
    }

    private func find(_ request: FindInPoint, _ peer: Peer) async throws -> Outgoing<FindReport> {
        let patterns = try request.patterns.map { try PathGlob(bytes: $0.bytes) }
        let tree = try await open(request.file.point, peer)
        let path = try FilePlace.names(request.file.file)
        let top = try await BlockingCalls.run { try tree.resolve(path) }
        return Outgoing { send in
            var report = FindReport()
            guard top.attributes.kind == .directory else {
                try await send(try RecoveryPointRoutes.line(path, top))
                report.found = 1
                return report
            }
            let walk = PointWalk(tree, from: path, top.attributes.inode) { directory in
                let names = directory.map(\.bytes)
                return patterns.isEmpty || patterns.contains { $0.mayMatch(beneath: names) }
            }
            while let page = try await BlockingCalls.run({ walk.next() }) {
                try Task.checkCancellation()
                var lines: [UInt8] = []
                for found in page {
                    let names = found.path.map(\.bytes)
                    guard patterns.isEmpty || patterns.contains(where: { $0.matches(names) }) else {
                        continue
                    }
                    lines += try RecoveryPointRoutes.line(found.path, found.entry)
                    report.found += 1
                }
                try await send(lines)
            }
            let damage = walk.damage
            report.leftCount = damage.count
            report.left = damage.first.map { LeftOut($0.path, $0.error) }
            return report
        }
    }

    /// One entry as a line of JSON, with its whole path for a name.
    private static func line(_ path: [FileName], _ entry: PointEntry) throws -> [UInt8] {
        var shown = FileEntry(entry)
        shown.name = EscapedBytes(RecoveryPointRoutes.text(path))
        return Array(try JSONEncoder().encode(shown)) + [UInt8(ascii: "\n")]
    }

    static func text(_ path: [FileName]) -> [UInt8] {
        path.isEmpty ? [UInt8(ascii: "/")] : path.flatMap { [UInt8(ascii: "/")] + $0.bytes }
    }

    private func diff(
        _ request: DiffPoints,
        _ peer: Peer,
        _ report: @escaping RouteTable.Report
    ) async throws -> DiffReport {
        let old = try await open(request.old, peer)
        let new = try await open(request.new, peer)
        report(Progress(phase: "comparing recovery points"))
        let found = try await BlockingCalls.runCancellable { isCancelled in
            try PointDiff.run(from: old, to: new, isCancelled: isCancelled)
        }
        return DiffReport(
            differences: found.differences.map { difference in
                Difference(
                    sign: difference.sign.rawValue,
                    path: EscapedBytes(RecoveryPointRoutes.text(difference.path)),
                    kind: difference.kind.word,
                    what: difference.what
                )
            },
            compared: UInt64(found.nodesRead),
            isCut: found.isCut
        )
    }
}

extension FileEntry {
    init(_ entry: PointEntry) {
        self.init(
            entry.name.bytes,
            entry.attributes,
            target: entry.attributes.kind == .symlink ? entry.target : nil
        )
    }
}

extension LeftOut {
    init(_ path: [FileName], _ error: BackupError) {
        self.init(
            path: EscapedBytes(RecoveryPointRoutes.text(path)),
            what: error.description,
            isDamage: error.code == .corrupt
        )
    }
}
