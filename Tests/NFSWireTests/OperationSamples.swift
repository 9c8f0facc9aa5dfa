import NFSWire
import TestKit

/// Random operations, each with the name that a failure is told by.
enum OperationSamples {
    /// Every operation of the newest minor version that has arguments of its own.
    static let codes = OperationCode.allCases.filter { $0 != .illegal }

    static let callbackCodes = CallbackCode.allCases.filter { $0 != .illegal }

    /// The bytes of a request that begins with this operation.
    static func arguments(_ code: OperationCode, _ generator: inout SeededGenerator) -> [UInt8] {
        let value = OperationArguments(arbitrary: code, &generator)
        return encoded { value.encode(to: &$0) }
    }

    /// A success, or now and then a failure, of this operation.
    static func reply(_ code: OperationCode, _ generator: inout SeededGenerator) -> OperationReply {
        switch Int.random(in: 0..<8, using: &generator) {
        case 0: .failure(.serverFault, of: code)
        case 1: OperationReply(arbitraryFailure: &generator)
        default: OperationReply(arbitrary: code, &generator)
        }
    }

    static func callbackReply(
        _ code: CallbackCode,
        _ generator: inout SeededGenerator
    ) -> CallbackReply {
        if Int.random(in: 0..<4, using: &generator) == 0 { return .failed(code, .badHandle) }
        return switch code {
        case .getAttributes: .getAttributes(FileAttributes(arbitrary: &generator))
        case .sequence: .sequence(CallbackSequenceReply(arbitrary: &generator))
        default: .ok(code)
        }
    }
}
