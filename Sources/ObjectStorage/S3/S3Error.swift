import BackupVault

/// Why an object store did not do what was asked.
package struct S3Error: Error, Sendable, CustomStringConvertible {
    /// What a program decides by.
    package enum Code: Sendable, Hashable, CaseIterable {
        /// No such key, or upload.
        case notFound
        case noBucket
        /// Credentials, rights, or a clock that is wrong.
        case denied
        case noSpace
        /// The store keeps the object from being deleted, for a time of its own.
        case held
        /// The caller gave what cannot be.
        case invalid
        /// It did not answer, or said that it cannot just now, for as long as was waited.
        case unavailable
        /// It answered what no retry changes.
        case failed
    }

    package let code: Code
    /// Names the request, the bucket, the key and the status.
    package let message: String
    /// The operator's next step.
    package let remedy: String

    /// An error of an object store.
    package init(_ code: Code, _ message: String, remedy: String = "") {
        self.code = code
        self.message = message
        self.remedy = remedy
    }

    package var description: String { remedy.isEmpty ? message : "\(message). \(remedy)" }
}

extension VaultError {
    /// What an object store answered, in the vault's words.
    package init(_ error: S3Error) {
        let code: VaultError.Code =
            switch error.code {
            case .notFound: .notFound
            case .denied: .denied
            case .noSpace: .noSpace
            case .held: .held
            case .invalid: .invalid
            // Whatever it is, it says nothing of what the vault holds.
            case .noBucket, .unavailable, .failed: .unavailable
            }
        self.init(code, error.message, remedy: error.remedy)
    }
}

/// Runs what talks to the store, with its errors in the vault's words.
func atStore<Result>(_ body: () throws(S3Error) -> Result) throws(VaultError) -> Result {
    do throws(S3Error) {
        return try body()
    } catch {
        throw VaultError(error)
    }
}
