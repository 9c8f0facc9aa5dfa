import Disk
import MetadataStore
import SegmentStore

/// What the stores' errors mean to a caller of the engine: one switch each, without a default.
extension FileSystemError {
    /// Keeps an error of ours, and translates those of the stores.
    init(translating error: any Error) {
        switch error {
        case let error as FileSystemError: self = error
        case let error as MetadataError: self.init(error)
        case let error as SegmentError: self.init(error)
        case let error as DiskError: self.init(error)
        default: self.init(.failed, "\(error)")
        }
    }

    /// Runs what may throw anything, and types what it throws.
    static func result<Value>(_ body: () throws -> Value) -> Result<Value, FileSystemError> {
        do {
            return .success(try body())
        } catch {
            return .failure(FileSystemError(translating: error))
        }
    }

    init(_ error: MetadataError) {
        let code: Code =
            switch error.code {
            case .corrupt, .wrongKey, .mismatch, .constraint: .corrupt
            case .newerFormat: .unsupported
            case .noSpace: .noSpace
            case .readOnly: .readOnly
            case .busy: .busy
            case .failed: .failed
            case .notFound: .notFound
            case .exists: .exists
            }
        self.init(code, error.message, remedy: error.remedy)
    }

    init(_ error: SegmentError) {
        let code: Code =
            switch error.code {
            case .corrupt, .missing, .wrongKey: .corrupt
            case .newerFormat: .unsupported
            case .noSpace: .noSpace
            case .readOnly: .readOnly
            case .suspect, .failed: .failed
            case .invalid: .invalid
            }
        self.init(code, error.message, remedy: error.remedy)
    }

    init(_ error: DiskError) {
        let code: Code =
            switch error.code {
            case .notFound: .notFound
            case .exists: .exists
            case .denied where error.isReadOnly: .readOnly
            case .denied, .failed, .powerCut: .failed
            case .noSpace: .noSpace
            case .busy: .busy
            }
        self.init(code, error.message, remedy: error.remedy)
    }
}
