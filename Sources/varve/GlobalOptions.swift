import ArgumentParser
import Glibc
import LocalAPI
import VarveModel

/// The options of every command.
struct GlobalOptions: ParsableArguments {
    @Option(
        help:
            "The daemon's socket. Default: $VARVE_SOCKET, ./var/varved.sock, /var/lib/varve/varved.sock."
    )
    var socket: String?

    @Flag(help: "Print one JSON value.")
    var json = false

    @Option(
        help: ArgumentHelp(
            "Show how far work is, on standard error: auto (a line, on a terminal), json (a line a second) or none.",
            valueName: "how"
        )
    )
    var progress = ProgressMode.auto

    @Option(
        name: .customLong("as"),
        help: ArgumentHelp("Act as this user (root only).", valueName: "uid[:gid]")
    )
    var actAs: String?

    func validate() throws {
        if progress != .auto { ProgressLine.use(progress) }
        guard let actAs else { return }
        let parts = actAs.split(separator: ":", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), parts.allSatisfy({ UInt32($0) != nil }) else {
            throw ValidationError("--as '\(actAs)': write UID or UID:GID, in numbers.")
        }
    }

    var client: Client {
        Client(socket: socketPath, actAs: actAs)
    }

    private var socketPath: String {
        if let socket { return socket }
        if let named = getenv("VARVE_SOCKET") { return String(cString: named) }
        return access("var/varved.sock", F_OK) == 0
            ? "var/varved.sock" : "/var/lib/varve/varved.sock"
    }
}

/// Which moment a command reads.
struct MomentOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The moment to read.", valueName: "time"), transform: UserTime.parse)
    var at: TimeExpression?

    @Option(help: ArgumentHelp("The snapshot to read.", valueName: "name"))
    var snapshot: String?

    func validate() throws {
        if at != nil, snapshot != nil {
            throw ValidationError("--at and --snapshot name two moments: give one.")
        }
    }

    var moment: Moment {
        Moment(at: at, snapshot: snapshot)
    }
}

/// Times as the user of this terminal means them.
enum UserTime {
    @Sendable static func parse(_ text: String) throws -> TimeExpression {
        let expression = try TimeExpression(text, local: moment(of:))
        if case .moment(let time) = expression, TimeText(time).text != text, isatty(2) == 1 {
            Output.note("\(text) is \(TimeText(time).text)")
        }
        return expression
    }

    /// The moment of a date and time in the user's zone (mktime(3)).
    static func moment(of civil: CivilTime) -> Timestamp? {
        var fields = tm()
        fields.tm_year = Int32(civil.year - 1_900)
        fields.tm_mon = Int32(civil.month - 1)
        fields.tm_mday = Int32(civil.day)
        fields.tm_hour = Int32(civil.hour)
        fields.tm_min = Int32(civil.minute)
        fields.tm_sec = Int32(civil.second)
        fields.tm_isdst = -1
        let seconds = mktime(&fields)
        guard seconds != -1 || civil.utc.seconds == -1 else { return nil }
        return Timestamp(seconds: Int64(seconds), nanoseconds: civil.nanosecond)
    }

    /// `2026-11-23 14:03:22` in the user's zone.
    static func local(_ time: TimeText) -> String {
        var seconds = time_t(time.time.seconds)
        var fields = tm()
        guard localtime_r(&seconds, &fields) != nil else { return time.text }
        var buffer = [UInt8](repeating: 0, count: 64)
        let count = buffer.withUnsafeMutableBytes { bytes in
            strftime(
                bytes.baseAddress?.assumingMemoryBound(to: CChar.self),
                64,
                "%Y-%m-%d %H:%M:%S",
                &fields
            )
        }
        return String(decoding: buffer.prefix(count), as: UTF8.self)
    }
}

/// Arguments of several commands.
enum Parse {
    @Sendable static func file(_ text: String) throws -> FileReference {
        try FileReference(argument: ArgumentBytes.bytes(text))
    }

    /// A host path, made absolute against the working directory.
    @Sendable static func hostPath(_ text: String) throws -> [UInt8] {
        let bytes = ArgumentBytes.bytes(text)
        guard !bytes.isEmpty else { throw APIError(.usage, "an empty host path") }
        if bytes.first == UInt8(ascii: "/") { return bytes }
        guard let current = getcwd(nil, 0) else {
            throw APIError(
                .failed,
                "the working directory has no path: \(String(cString: strerror(errno)))"
            )
        }
        defer { free(current) }
        return Array(UnsafeRawBufferPointer(start: current, count: strlen(current))) + [
            UInt8(ascii: "/")
        ] + bytes
    }

    @Sendable static func mode(_ text: String) throws -> UInt16 {
        guard let mode = UInt16(text, radix: 8), mode <= 0o7777 else {
            throw APIError(
                .usage,
                "'\(text)' is no mode",
                remedy: "Write it in octal, as 0644 or 2755."
            )
        }
        return mode
    }

    /// Bytes, or with K, M, G, T in powers of 1024.
    @Sendable static func size(_ text: String) throws -> UInt64 {
        let units: [Character: UInt64] = ["K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40]
        let unit = text.last.flatMap { units[Character($0.uppercased())] }
        let digits = unit == nil ? text : String(text.dropLast())
        guard let count = UInt64(digits),
            case let (bytes, overflow) = count.multipliedReportingOverflow(by: unit ?? 1),
            !overflow
        else {
            throw APIError(.usage, "'\(text)' is no size", remedy: "Write bytes, or 64K, 10M, 2G.")
        }
        return bytes
    }

    @Sendable static func duration(_ text: String) throws -> Int64 {
        guard let seconds = DurationText.seconds(text), seconds > 0 else {
            throw APIError(
                .usage,
                "'\(text)' is no duration",
                remedy: "Write 90s, 30m, 3h, 40d or 1d12h."
            )
        }
        return seconds
    }

    /// `UID`, `UID:GID` or `:GID`.
    @Sendable static func owner(_ text: String) throws -> Owner {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let uid = parts.first.flatMap { UInt32($0) }
        let gid = parts.count == 2 ? UInt32(parts[1]) : nil
        guard uid != nil || parts.first?.isEmpty == true, parts.count == 1 || gid != nil,
            uid != nil || gid != nil
        else {
            throw APIError(
                .usage,
                "'\(text)' is no owner",
                remedy: "Write UID, UID:GID or :GID, in numbers."
            )
        }
        return Owner(uid: uid, gid: gid)
    }

    struct Owner: Sendable {
        let uid: UInt32?
        let gid: UInt32?
    }
}
