package import Disk

/// Why a vault could not do what was asked.
package struct VaultError: Error, Sendable, CustomStringConvertible {
    /// What a program decides by.
    package enum Code: Sendable, Hashable, CaseIterable {
        /// The root key does not open this vault.
        case wrongKey
        /// Bytes are missing, were changed, or do not authenticate.
        case corrupt
        /// Written by a newer Varve in a way that this one must not touch.
        case newerFormat
        case noSpace
        /// Another prune holds the vault.
        case locked
        /// A hold or the vault's lock keeps the recovery point, or the lock itself.
        case held
        case notFound
        case exists
        /// The caller broke a documented rule (size, order, a writer already ended).
        case invalid
        case denied
        /// Where the vault lies does not answer just now: of what it holds nothing is known.
        case unavailable
        /// The medium or the kernel failed.
        case failed
    }

    package let code: Code
    /// Names the vault's file, chunk or recovery point.
    package let message: String
    /// The operator's next step.
    package let remedy: String

    package init(_ code: Code, _ message: String, remedy: String = "") {
        self.code = code
        self.message = message
        self.remedy = remedy
    }

    /// Translates what storage answered.
    package init(_ error: DiskError) {
        switch error.code {
        case .notFound: self.init(.notFound, error.message, remedy: error.remedy)
        case .exists: self.init(.exists, error.message, remedy: error.remedy)
        case .denied:
            self.init(
                .denied,
                error.message,
                remedy: "Let the daemon's user read and write the vault directory."
            )
        case .noSpace:
            self.init(
                .noSpace,
                error.message,
                remedy: "Free space where the vault lies, or prune it; the vault is consistent."
            )
        case .busy: self.init(.locked, error.message, remedy: "Wait for the other one to end.")
        case .failed, .powerCut:
            self.init(.failed, error.message, remedy: "Check the storage of the vault.")
        }
    }

    package var description: String { remedy.isEmpty ? message : "\(message). \(remedy)" }
}

extension VaultError {
    /// Whether this tells of the store, or of rights, and nothing of what a file holds.
    ///
    /// On a disk what may not be read is as good as damaged, until somebody lets it be read.
    func saysNothing(of storage: any VaultStorage) -> Bool {
        code == .unavailable || code == .denied && storage.arrivesLate
    }
}

/// Runs what touches storage, with its errors in this target's words.
func onDisk<Result>(_ body: () throws(DiskError) -> Result) throws(VaultError) -> Result {
    do throws(DiskError) {
        return try body()
    } catch {
        throw VaultError(error)
    }
}

extension [UInt8] {
    /// The bytes as a buffer; carries typed errors out, which the standard closure does not.
    func withBytes<Result>(
        _ body: (UnsafeRawBufferPointer) throws(VaultError) -> Result
    ) throws(VaultError) -> Result {
        let result = withUnsafeBytes { buffer -> Swift.Result<Result, VaultError> in
            do throws(VaultError) {
                return .success(try body(buffer))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }
}
