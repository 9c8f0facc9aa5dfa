import VarveModel

/// Names the parts of recovery points that need what is lost.
///
/// Of each point it names as many as are its share, whatever the points before it have lost; all others it counts. A subtree counts as one part, and
/// has a share of its own, since it says more than a thousand keys.
struct AffectedWalk {
    private let vault: Vault
    /// Chunks that no pack gives back whole, with the places of their findings.
    private let lost: [ChunkID: Int]
    private let partsEach: Int
    /// What is lost beneath nodes that were walked, where it is little enough to keep; with nothing lost they are not walked again.
    private var known: [ChunkID: Losses] = [:]
    /// The point at hand.
    private var naming = Naming()

    /// Parts that are lost, by kind and by the place of their finding.
    private typealias Losses = [Loss: Int]

    private struct Loss: Hashable {
        let isSubtree: Bool
        let place: Int
    }

    /// Of each kind, as many parts of a point in any case.
    private static let partsEachMin = 16
    /// As many kinds of losses of a node are kept: one that all need, as the chunk of zeros, is one.
    private static let lossesKept = 64

    /// What was named of one point so far.
    private struct Naming {
        var subtrees = 0
        var entries = 0
        /// Entries by the place of their finding: one chunk, as that of zeros, must not take it all.
        var entriesOf: [Int: Int] = [:]
        var count = 0
    }

    init(_ vault: Vault, lost: [ChunkID: Int], partsEach: Int) {
        self.vault = vault
        self.lost = lost
        self.partsEach = max(AffectedWalk.partsEachMin, partsEach)
    }

    /// Tells the findings which parts of a point they cost.
    mutating func add(_ point: RecoveryPoint, to report: inout VerifyReport) {
        naming = Naming()
        for (name, map) in point.maps.sorted(by: { $0.key < $1.key }) {
            _ = walk(
                MapChild(key: [], node: map.node, entryCount: map.count),
                behind: nil,
                of: (point, name),
                into: &report
            )
        }
        guard naming.count > 0 else { return }
        report.affectedPoints.append(
            AffectedPoint(
                point: point.id,
                told: naming.subtrees + naming.entries,
                count: naming.count
            )
        )
    }

    /// Answers what is lost beneath the node.
    private mutating func walk(
        _ child: MapChild,
        behind after: [UInt8]?,
        of map: (point: RecoveryPoint, name: String),
        into report: inout VerifyReport
    ) -> Losses {
        if let place = lost[child.node.id] {
            name(child.key, behind: after, isSubtree: true, for: place, of: map, in: &report)
            return [Loss(isSubtree: true, place: place): 1]
        }
        if let losses = known[child.node.id], !losses.keys.contains(where: admits) {
            count(losses, in: &report)
            return losses
        }
        // A node that does not open is among the lost ones.
        guard let node = try? vault.node(child.node) else { return [:] }
        var losses: Losses = [:]
        switch node.items {
        case .leaf(let entries):
            for entry in entries {
                let places = Set(entry.value.chunks.compactMap { lost[$0.id] })
                for place in places.sorted() {
                    name(entry.key, behind: nil, isSubtree: false, for: place, of: map, in: &report)
                    losses[Loss(isSubtree: false, place: place), default: 0] += 1
                }
            }
        case .branch(let children):
            var after = after
            for child in children {
                losses.merge(
                    walk(child, behind: after, of: map, into: &report),
                    uniquingKeysWith: +
                )
                after = child.key
            }
        }
        if losses.count <= AffectedWalk.lossesKept { known[child.node.id] = losses }
        return losses
    }

    /// Counts what another point has lost too, and what there is no room to name.
    private mutating func count(_ losses: Losses, in report: inout VerifyReport) {
        for (loss, count) in losses {
            report.findings[loss.place].affectedCount += count
            naming.count += count
        }
    }

    private mutating func name(
        _ key: [UInt8],
        behind after: [UInt8]?,
        isSubtree: Bool,
        for place: Int,
        of map: (point: RecoveryPoint, name: String),
        in report: inout VerifyReport
    ) {
        report.findings[place].affectedCount += 1
        naming.count += 1
        let loss = Loss(isSubtree: isSubtree, place: place)
        guard admits(loss) else { return }
        note(loss)
        report.findings[place].affected.append(
            AffectedPart(
                point: map.point.id,
                source: map.point.source,
                labels: map.point.labels,
                map: map.name,
                key: key,
                isSubtree: isSubtree,
                after: after
            )
        )
    }

    /// Whether one more of these is named.
    private func admits(_ loss: Loss) -> Bool {
        if loss.isSubtree { return naming.subtrees < partsEach }
        return naming.entries < partsEach
            && naming.entriesOf[loss.place] ?? 0 < max(4, partsEach / 8)
    }

    private mutating func note(_ loss: Loss) {
        if loss.isSubtree {
            naming.subtrees += 1
        } else {
            naming.entries += 1
            naming.entriesOf[loss.place, default: 0] += 1
        }
    }
}
