import VarveModel

/// What is being read for a recovery point and what waits to be stored: in order, and within bounds.
///
/// Visits end in any order; what they bring is handed out in the order in which they began. It only decides:
/// it starts nothing and waits for nothing.
struct PointWindow {
    /// 64: small visits hide each other's waits, and hold little.
    static let visitsMax = 64
    /// 40 MiB: five whole tiles, each once as it was read and once as it will be stored.
    static let bytesMax: UInt64 = 40 << 20

    private struct Place {
        var bytes: UInt64
        /// `nil` while it is being read.
        var landing: PointLanding?
    }

    private var places: [Int: Place] = [:]
    /// The visit that is handed out next.
    private var first = 0
    private var next = 0
    /// Visits that are being read.
    private(set) var reading = 0
    private let readingMax: Int
    private(set) var bytesHeld: UInt64 = 0
    /// The most that was held at once.
    private(set) var bytesHeldMax: UInt64 = 0

    /// A window that has at most `readingMax` visits read at one time.
    init(readingMax: Int) {
        precondition(readingMax > 0, "a visit could never begin")
        self.readingMax = readingMax
    }

    var isEmpty: Bool { places.isEmpty }

    /// Whether a visit may begin; one that alone exceeds the bounds has the window to itself.
    func hasRoom(for bytes: UInt64) -> Bool {
        isEmpty
            || (places.count < PointWindow.visitsMax && reading < readingMax
                && bytesHeld + bytes <= PointWindow.bytesMax)
    }

    /// Begins a visit.
    ///
    /// - Parameter bytes: What it will hold at most until it has landed.
    /// - Returns: Its number.
    mutating func begin(holding bytes: UInt64) -> Int {
        defer { next += 1 }
        fly(next, bytes)
        return next
    }

    /// Takes what a visit brought; room for what it left is kept.
    mutating func land(_ number: Int, _ landing: PointLanding) {
        guard let place = places[number], place.landing == nil else {
            preconditionFailure("a visit lands once")
        }
        reading -= 1
        let bytes = landing.pieces.reduce(landing.rest?.bytesMax ?? 0) { $0 + $1.bytesHeld }
        bytesHeld -= place.bytes
        places[number] = Place(bytes: bytes, landing: landing)
        hold(bytes)
    }

    /// Hands out what the oldest visit brought; `nil` while that one is being read, or when there is none.
    mutating func popFirst() -> PointLanding? {
        guard let place = places[first], let landing = place.landing else { return nil }
        places[first] = nil
        first += 1
        bytesHeld -= place.bytes
        return landing
    }

    /// Begins to read what the visit left that was handed out last, in its place.
    ///
    /// - Returns: Its number.
    mutating func goOn(holding bytes: UInt64) -> Int {
        first -= 1
        precondition(first >= 0 && places[first] == nil, "only what was handed out can go on")
        fly(first, bytes)
        return first
    }

    private mutating func fly(_ number: Int, _ bytes: UInt64) {
        places[number] = Place(bytes: bytes, landing: nil)
        reading += 1
        hold(bytes)
    }

    private mutating func hold(_ bytes: UInt64) {
        bytesHeld += bytes
        bytesHeldMax = max(bytesHeldMax, bytesHeld)
    }
}

/// What a child task brought.
enum PointAnswer: Sendable {
    /// A visit, by its number in the window.
    case visit(Int, Result<PointLanding, BackupError>)
    /// What is to be read of a part of the changed inodes, by the part's number.
    case look(Int, Result<[PointTask], BackupError>)
}
