import ArgumentParser
import Backup
import Disk
import Keyring
import LocalAPI

/// Who shall be able to open an archive.
struct SealOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("Whose identity opens it (age1…); may be repeated.", valueName: "age1…")
    )
    var recipient: [String] = []

    @Option(
        help: ArgumentHelp("A file of recipients, one a line; may be repeated.", valueName: "file")
    )
    var recipientsFile: [String] = []

    @Flag(help: "Ask for a passphrase instead.")
    var passphrase = false

    @Option(help: ArgumentHelp("Take the passphrase from a file's first line.", valueName: "file"))
    var passphraseFile: String?

    func validate() throws {
        let isPassphrase = passphrase || passphraseFile != nil
        let isRecipients = !recipient.isEmpty || !recipientsFile.isEmpty
        if isPassphrase == isRecipients || passphrase && passphraseFile != nil {
            throw ValidationError(
                "Say who may open it: --recipient or --recipients-file, or one of --passphrase and --passphrase-file."
            )
        }
    }

    /// Wraps a file's key.
    func header(_ fileKey: AgeFileKey) throws -> AgeHeader {
        do {
            if let passphraseFile {
                return try AgeHeader(
                    fileKey,
                    with: AgePassphrase(try Passphrase.read(from: passphraseFile))
                )
            }
            if passphrase {
                return try AgeHeader(
                    fileKey,
                    with: AgePassphrase(try Passphrase.ask(isNew: true))
                )
            }
            var recipients = try parsed(recipient, "--recipient")
            for path in recipientsFile {
                recipients += try parsed(try SmallFile.lines(path), "'\(path)'")
            }
            guard !recipients.isEmpty else {
                throw APIError(.usage, "the recipients' files name nobody")
            }
            return try AgeHeader(fileKey, to: recipients)
        } catch let error as KeyringError {
            throw APIError(.usage, error.message, remedy: error.remedy)
        }
    }

    /// Says where a recipient stands that is none, and not what stands there: it may be a secret.
    private func parsed(_ texts: [String], _ place: String) throws -> [AgeRecipient] {
        try texts.enumerated().map { number, text in
            do throws(KeyringError) {
                return try AgeRecipient(text)
            } catch {
                throw APIError(
                    .usage,
                    "\(place), recipient \(number + 1): \(error.message)",
                    remedy: error.remedy
                )
            }
        }
    }
}

/// What opens an archive.
struct UnlockOptions: ParsableArguments {
    @Option(help: ArgumentHelp("A file with age identities; may be repeated.", valueName: "file"))
    var identity: [String] = []

    @Flag(help: "Ask for the passphrase.")
    var passphrase = false

    @Option(help: ArgumentHelp("Take the passphrase from a file's first line.", valueName: "file"))
    var passphraseFile: String?

    func validate() throws {
        if [!identity.isEmpty, passphrase, passphraseFile != nil].count(where: { $0 }) != 1 {
            throw ValidationError(
                "Say what opens it: --identity, --passphrase or --passphrase-file."
            )
        }
    }

    /// Opens an archive of this machine.
    func open(_ path: [UInt8]) throws -> ColdArchiveReader {
        guard let text = String(validating: path, as: UTF8.self) else {
            throw APIError(
                .unsupported,
                "the archive's path is not UTF-8",
                remedy: "Make a link to it whose name is."
            )
        }
        do {
            let file = try ArchiveFile(text, on: HostDisk())
            if let passphraseFile {
                return try open(file, with: try Passphrase.read(from: passphraseFile))
            }
            if passphrase { return try open(file, with: try Passphrase.ask(isNew: false)) }
            return try ColdArchiveReader(file, identities: try IdentityFiles.read(identity))
        } catch let error as BackupError {
            throw APIError(error)
        }
    }

    private func open(_ file: ArchiveFile, with passphrase: [UInt8]) throws -> ColdArchiveReader {
        try ColdArchiveReader(
            file,
            unlocking: { header throws(KeyringError) in
                try header.fileKey(AgePassphrase(passphrase))
            }
        )
    }
}

/// Files of age identities, one a line.
enum IdentityFiles {
    static func read(_ paths: [String]) throws -> [AgeIdentity] {
        var found: [AgeIdentity] = []
        for path in paths {
            for line in try SmallFile.lines(path) {
                guard let identity = AgeIdentity(line) else {
                    throw APIError(
                        .invalid,
                        "'\(path)' holds a line that is no X25519 identity (AGE-SECRET-KEY-1…)",
                        remedy: "Name a file that 'varve archive keygen' or 'age-keygen' wrote."
                    )
                }
                found.append(identity)
            }
        }
        guard !found.isEmpty else {
            throw APIError(.invalid, "the identity files hold no identity")
        }
        return found
    }
}

extension APIError {
    /// What an archive's error means to a user.
    init(_ error: BackupError) {
        let code: Code =
            switch error.code {
            case .notFound: .notFound
            case .exists: .exists
            case .denied: .denied
            case .invalid: .invalid
            case .noSpace: .noSpace
            case .readOnly: .readOnly
            case .corrupt: .corrupt
            case .stale: .stale
            case .wrongKey: .wrongKey
            case .busy: .busy
            case .unsupported: .unsupported
            case .cancelled: .unavailable
            case .failed: .failed
            }
        self.init(code, error.message, remedy: error.remedy)
    }
}

/// Paths within an archive, as people write them.
enum ArchivePath {
    /// Without slashes at the ends, empty parts and `.`.
    static func plain(_ text: String) throws -> [UInt8] {
        let parts = ArgumentBytes.bytes(text).split(separator: UInt8(ascii: "/"))
            .filter { !$0.elementsEqual([UInt8(ascii: ".")]) }
        guard !parts.contains(where: { $0.elementsEqual(Array("..".utf8)) }) else {
            throw APIError(.usage, "'\(text)' leads upwards; paths begin at the top of the archive")
        }
        return Array(parts.joined(separator: [UInt8(ascii: "/")]))
    }

    /// What is asked for; the top itself is everything.
    static func all(_ texts: [String]) throws -> [[UInt8]] {
        let paths = try texts.map(plain)
        return paths.contains([]) ? [] : paths
    }
}
