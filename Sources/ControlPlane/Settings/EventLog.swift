private import Glibc
package import Logging
package import VarveModel
import LocalAPI

/// Writes one event a line on standard error, as logfmt or JSON.
package struct EventLog: LogHandler {
    /// How a line is written.
    package enum Format: String, Sendable {
        case logfmt
        case json
    }

    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?
    private let label: String
    private let format: Format
    private let clock: any VarveClock

    package init(
        label: String,
        format: Format,
        level: Logger.Level,
        clock: any VarveClock = WallClock()
    ) {
        self.label = label
        self.format = format
        self.clock = clock
        logLevel = level
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Writes one line.
    package func log(event: LogEvent) {
        var fields: [(String, String)] = [
            ("time", TimeText(clock.now()).text), ("level", event.level.rawValue),
            ("from", label), ("event", "\(event.message)"),
        ]
        let more = metadata.merging(event.metadata ?? [:]) { $1 }
        fields += more.sorted { $0.key < $1.key }.map { ($0.key, "\($0.value)") }
        let pairs = fields.map { key, value in
            switch format {
            case .logfmt: "\(key)=\(EventLog.quoted(value, always: false))"
            case .json:
                "\(EventLog.quoted(key, always: true)):\(EventLog.quoted(value, always: true))"
            }
        }
        let line =
            switch format {
            case .logfmt: pairs.joined(separator: " ") + "\n"
            case .json: "{" + pairs.joined(separator: ",") + "}\n"
            }
        // One write a line, so that lines of several threads do not mix; a log that nobody can take is lost.
        _ = Array(line.utf8).withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
    }

    /// A string in quotes with JSON's escapes; bare when it needs none.
    static func quoted(_ text: String, always: Bool) -> String {
        let isBare =
            !text.isEmpty
            && text.utf8.allSatisfy {
                $0 > 0x20 && $0 != 0x22 && $0 != 0x3D && $0 != 0x5C && $0 != 0x7F
            }
        if isBare, !always { return text }
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\t": quoted += "\\t"
            case "\0"..."\u{1F}", "\u{7F}":
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
