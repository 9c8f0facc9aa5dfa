import FileSystemEngine
import NFSWire
import VarveModel

/// What a SETATTR, CREATE or OPEN asks to be set, checked (RFC 8881 §5.5, §18.30).
struct RequestedAttributes: Sendable {
    private(set) var changes = AttributeChanges()
    /// What was asked for, once it is all done.
    private(set) var mask = Bitmap()

    /// - Parameters:
    ///   - values: As sent.
    ///   - permissions: Of the object now, of which `mode_set_masked` changes a part; `nil` for a new one.
    /// - Throws: `.attributeNotSupported`; `.invalid` for one that cannot be set or a value that is none; `.badOwner`.
    init(_ values: FileAttributes, permissions: UInt16?) throws(NFSStatus) {
        guard values.unknown.isEmpty else { throw .attributeNotSupported }
        for value in values.values {
            let number = value.attribute.rawValue
            guard Attribute.settable.contains(number) else { throw .invalid }
            guard ObjectAttributes.supportedInAll.contains(number) else {
                throw .attributeNotSupported
            }
            try set(value, permissions: permissions)
            mask.insert(number)
        }
        // Two modes contradict each other (RFC 8881 §6.2.5, RFC 8275 §4).
        let modes: [Attribute] = [.mode, .setModeMasked, .modeUmask]
        guard modes.count(where: { values[$0] != nil }) <= 1 else { throw .invalid }
    }

    private mutating func set(_ value: AttributeValue, permissions: UInt16?) throws(NFSStatus) {
        switch value {
        case .size(let size): changes.size = size
        case .mode(let mode): changes.permissions = try Self.permissions(mode)
        case .setModeMasked(let masked):
            // What is made has no mode yet, of which a part could change (RFC 8881 §6.2.5).
            guard let permissions else { throw .invalid }
            let bits = try Self.permissions(masked.mask)
            let value = try Self.permissions(masked.value)
            changes.permissions = permissions & ~bits | value & bits
        case .modeUmask(let value):
            // There are no default ACLs to inherit, so the umask counts (RFC 8275 §4).
            let mode = try Self.permissions(value.mode)
            guard value.umask & ~0o777 == 0 else { throw .invalid }
            changes.permissions = mode & ~UInt16(value.umask)
        case .owner(let text): changes.uid = try Self.owner(text)
        case .ownerGroup(let text): changes.gid = try Self.owner(text)
        case .setAccessed(let time): changes.accessed = try Self.time(time)
        case .setModified(let time): changes.modified = try Self.time(time)
        default: throw .attributeNotSupported
        }
    }

    private static func permissions(_ mode: UInt32) throws(NFSStatus) -> UInt16 {
        guard mode & ~0o7777 == 0 else { throw .invalid }
        return UInt16(mode)
    }

    private static func owner(_ text: [UInt8]) throws(NFSStatus) -> UInt32 {
        guard let id = NumericOwner.number(text) else { throw .badOwner }
        return id
    }

    /// 2^43 seconds, 278,000 years on either side of 1970: as far as the engine's own epochs reach.
    ///
    /// What is beyond would overflow where somebody counts on from it.
    private static let secondsMax: UInt64 = 1 << 43

    private static func time(_ time: SetTime) throws(NFSStatus) -> AttributeChanges.Time {
        switch time {
        case .now: return .now
        case .to(let time):
            guard let timestamp = time.timestamp, timestamp.seconds.magnitude < secondsMax else {
                throw .invalid
            }
            return .exactly(timestamp)
        }
    }
}
