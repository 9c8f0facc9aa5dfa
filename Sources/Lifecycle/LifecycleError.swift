package import FileSystemEngine
package import MetadataStore

/// Why lifecycle stopped; what only one file was refused is in the outcome instead.
package struct LifecycleError: Error, Sendable, CustomStringConvertible {
    package enum Code: Sendable, Hashable, CaseIterable {
        case notFound
        case busy
        case noSpace
        case corrupt
        case failed
    }

    package let code: Code
    package let message: String
    package let remedy: String

    package init(_ code: Code, _ message: String, remedy: String = "") {
        self.code = code
        self.message = message
        self.remedy = remedy
    }

    package var description: String { remedy.isEmpty ? message : "\(message). \(remedy)" }

    package init(_ error: FileSystemError) {
        let code: Code =
            switch error.code {
            case .notFound, .stale: .notFound
            case .busy: .busy
            case .noSpace: .noSpace
            case .corrupt: .corrupt
            case .exists, .notDirectory, .isDirectory, .notEmpty, .denied, .notPermitted, .invalid,
                .nameTooLong, .tooManyLinks, .fileTooBig, .readOnly, .noAttribute, .rangeError,
                .loop, .noSuchRange, .failed, .unsupported:
                .failed
            }
        self.init(code, error.message, remedy: error.remedy)
    }

    package init(_ error: MetadataError) {
        let code: Code =
            switch error.code {
            case .notFound: .notFound
            case .busy: .busy
            case .noSpace: .noSpace
            case .corrupt, .wrongKey, .mismatch, .newerFormat: .corrupt
            case .readOnly, .failed, .constraint, .exists: .failed
            }
        self.init(code, error.message, remedy: error.remedy)
    }
}
