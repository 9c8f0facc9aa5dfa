import Synchronization
import TestKit
import Testing
import VarveModel

@testable import Backup

/// Goal: what a copy holds in memory does not grow with the number of names.
///
/// Method: a source that is one directory of very many directories, and counts how many it has listed that were not
/// entered yet; a sink that takes everything.
@Suite struct TreeTransferTests {
    @Test(arguments: [5_000, 50_000])
    func `of a directory of many directories a part is held`(count: Int) async throws {
        let source = WideSource(count: count)
        let transfer = TreeTransfer(
            from: source,
            to: EmptySink(),
            isMirror: false,
            progress: nil
        )
        let report = try await transfer.run(into: .itself(0))
        #expect(report.directories == count + 1)
        #expect(report.omissions == [])
        let most = source.state.withLock { $0.most }
        // A page for every worker at the most.
        #expect(most <= WideSource.pageNames * EmptySink().workersMax, "\(most) of \(count)")
    }
}

/// A root directory of `count` empty directories.
private final class WideSource: TreeSource {
    static let pageNames = 512
    let count: Int
    let state = Mutex((listed: 0, entered: 0, most: 0))

    init(count: Int) {
        self.count = count
    }

    func root() async throws(TreeFailure) -> (entry: TreeEntry, directory: Int) {
        (TreeEntry(name: .root, node: WideSource.node(1)), 0)
    }

    func open(_ entry: TreeEntry, in parent: Int) async throws(TreeFailure) -> Int {
        state.withLock { $0.entered += 1 }
        return Int(entry.node.identity.inode)
    }

    func list(_ directory: Int) async throws(TreeFailure) -> WideListing {
        WideListing(source: directory == 0 ? self : nil)
    }

    func details(of entry: TreeEntry?, in directory: Int) async throws(TreeFailure) -> TreeDetails {
        TreeDetails()
    }

    func openFile(_ entry: TreeEntry, in directory: Int) async throws(TreeFailure) -> NoFile {
        NoFile()
    }

    static func node(_ inode: UInt64) -> TreeNode {
        TreeNode(
            identity: TreeNode.Identity(device: 0, inode: inode),
            kind: .directory,
            permissions: 0o755,
            uid: 0,
            gid: 0,
            links: 1,
            size: 0,
            accessed: .epoch,
            modified: .epoch,
            device: .none
        )
    }

    /// The next names of the root; none at the end.
    func page() -> [TreeEntry] {
        let range = state.withLock { state in
            let start = state.listed
            state.listed = min(count, start + WideSource.pageNames)
            state.most = max(state.most, state.listed - state.entered)
            return start..<state.listed
        }
        return range.compactMap { number in
            FileName("d\(number)").map {
                TreeEntry(name: $0, node: WideSource.node(UInt64(number) + 2))
            }
        }
    }
}

private struct WideListing: TreeListing {
    /// `nil` of a directory that is empty.
    let source: WideSource?

    func next() async throws(TreeFailure) -> TreePart? {
        guard let entries = source?.page(), !entries.isEmpty else { return nil }
        return TreePart(entries: entries)
    }
}

private struct NoFile: TreeFile {
    func dataRanges() async throws(TreeFailure) -> [Range<UInt64>] { [] }
    func read(_ range: Range<UInt64>) async throws(TreeFailure) -> [UInt8] { [] }
}

/// Takes everything and keeps nothing.
private struct EmptySink: TreeSink {
    let workersMax = 16

    func makeDirectory(_ entry: TreeEntry, in parent: Int) async throws(TreeFailure) -> Int { 0 }

    func finish(
        _ directory: Int,
        _ node: TreeNode,
        _ details: TreeDetails
    ) async throws(TreeFailure) -> [TreeFailure] { [] }

    func makeFile(
        _ entry: TreeEntry,
        _ details: TreeDetails,
        runs: [Range<UInt64>],
        in directory: Int
    ) async throws(TreeFailure) -> Int { 0 }

    func write(_ bytes: [UInt8], at offset: UInt64, to file: Int) async throws(TreeFailure) {}

    func finish(
        _ file: Int,
        _ entry: TreeEntry,
        _ details: TreeDetails,
        written: UInt64
    ) async throws(TreeFailure) -> (link: Int, failures: [TreeFailure]) { (0, []) }

    func abandon(_ file: Int) async {}

    func makeSpecial(
        _ entry: TreeEntry,
        _ details: TreeDetails,
        in directory: Int
    ) async throws(TreeFailure) -> (link: Int, failures: [TreeFailure]) { (0, []) }

    func link(_ entry: TreeEntry, to link: Int, in directory: Int) async throws(TreeFailure) {}

    func find(_ name: FileName, in directory: Int) async throws(TreeFailure) -> Int { 0 }

    func findDirectory(_ name: FileName, in parent: Int) async throws(TreeFailure) -> Int? { nil }

    func removeOthers(than kept: Set<FileName>, in directory: Int) async throws(TreeFailure) {}

    func complete() async throws(TreeFailure) {}
}
