import ArgumentParser
import ControlPlane
import Disk
import Glibc
import LocalAPI

/// Where the state directory is.
struct StateOptions: ParsableArguments {
    @Option(help: "The state directory. Default: /var/lib/varve for root, ./var otherwise.")
    var state: String?

    /// Absolute.
    var path: String {
        WorkingDirectory.absolute(state ?? (getuid() == 0 ? "/var/lib/varve" : "var"))
    }
}

/// What may be said on the command line instead of in varve.yaml.
struct SettingsOptions: ParsableArguments {
    @Option(help: "The settings file. Default: <state>/varve.yaml, then /etc/varve/varve.yaml.")
    var config: String?

    @Option(help: "The root key's file.")
    var keyFile: String?

    @Option(help: "Where the local API listens.")
    var socket: String?

    @Option(help: "The directory of job files.")
    var jobs: String?

    @Option(help: "The directory of retention and lifecycle files.")
    var retention: String?

    @Option(help: "Where NFS is served, as 127.0.0.1:2049, or off.")
    var nfs: String?

    @Option(help: "logfmt or json.")
    var logFormat: String?

    @Option(help: "trace, debug, info, notice, warning, error or critical.")
    var logLevel: String?

    /// The settings in force.
    func settings(state: String) throws(APIError) -> Settings {
        let given: [(SettingName, String?)] = [
            (.keyFile, keyFile), (.socket, socket), (.jobs, jobs), (.retention, retention),
            (.logFormat, logFormat), (.logLevel, logLevel), (.nfs, nfs),
        ]
        var flags: [SettingName: String] = [:]
        for (name, value) in given { flags[name] = value }
        return try Settings(
            state: state,
            file: config.map { WorkingDirectory.absolute($0) },
            flags: flags,
            workingDirectory: WorkingDirectory.path,
            disk: HostDisk()
        )
    }
}

/// What relative paths count from.
enum WorkingDirectory {
    static var path: String {
        guard let current = getcwd(nil, 0) else { return "/" }
        defer { free(current) }
        return String(cString: current)
    }

    /// The path from the root, without `./` in front and slashes at the end.
    static func absolute(_ text: String) -> String {
        var plain = text
        while plain.hasPrefix("./") { plain.removeFirst(2) }
        while plain.hasSuffix("/"), plain != "/" { plain.removeLast() }
        if plain.hasPrefix("/") { return plain }
        if plain == "." || plain.isEmpty { return path }
        return path == "/" ? "/" + plain : path + "/" + plain
    }
}
