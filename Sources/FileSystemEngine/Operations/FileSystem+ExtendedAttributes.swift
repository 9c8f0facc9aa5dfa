import MetadataStore
package import VarveModel

/// Extended attributes: names in four families, values as bytes (xattr(7)).
extension FileSystem {
    /// One value.
    ///
    /// - Throws: `.noAttribute`, `.denied`, `.unsupported`, `.stale`.
    package func extendedAttribute(
        _ name: [UInt8],
        of inode: InodeNumber,
        at view: View = .live,
        as caller: Credentials
    ) async throws(FileSystemError) -> [UInt8] {
        try await readers.run { context in
            let attributes = try context.attributes(of: inode, at: view)
            try ExtendedAttributeRules.requireRead(name, of: attributes, for: caller)
            guard let value = try context.reader.xattr(inode, name: name, at: view) else {
                throw ExtendedAttributeRules.absent(name)
            }
            return value
        }
    }

    /// The names that `caller` may see, sorted.
    package func extendedAttributeNames(
        of inode: InodeNumber,
        at view: View = .live,
        as caller: Credentials
    ) async throws(FileSystemError) -> [[UInt8]] {
        try await readers.run { context in
            _ = try context.attributes(of: inode, at: view)
            return try context.reader.xattrs(of: inode, at: view).map(\.name)
                .filter { ExtendedAttributeRules.isListed($0, for: caller) }
                .sorted { $0.lexicographicallyPrecedes($1) }
        }
    }

    /// Sets one value; the receipt is kept with the change.
    ///
    /// - Returns: The inode's `change` before and after.
    /// - Throws: `.exists` and `.noAttribute` as `mode` says, `.rangeError` (too long, too many), `.denied`,
    ///   `.notPermitted`, `.unsupported`, `.stale`, `.noSpace`.
    @discardableResult
    package func setExtendedAttribute(
        _ name: [UInt8],
        _ value: [UInt8],
        mode: AttributeSetMode = .either,
        of inode: InodeNumber,
        as caller: Credentials,
        receipt: ReceiptMaker<InodeChange>? = nil
    ) async throws(FileSystemError) -> InodeChange {
        try await committer.run(flushing: .one(inode)) { context in
            try context.keeping(receipt) {
                try context.setExtendedAttribute(name, value, mode, of: inode, as: caller)
            }
        }
    }

    /// Removes one; the receipt is kept with the change.
    ///
    /// - Returns: The inode's `change` before and after.
    /// - Throws: `.noAttribute`, `.denied`, `.notPermitted`, `.unsupported`, `.stale`, `.noSpace`.
    @discardableResult
    package func removeExtendedAttribute(
        _ name: [UInt8],
        of inode: InodeNumber,
        as caller: Credentials,
        receipt: ReceiptMaker<InodeChange>? = nil
    ) async throws(FileSystemError) -> InodeChange {
        try await committer.run(flushing: .one(inode)) { context in
            try context.keeping(receipt) {
                try context.removeExtendedAttribute(name, of: inode, as: caller)
            }
        }
    }
}

extension WriteContext {
    fileprivate func removeExtendedAttribute(
        _ name: [UInt8],
        of inode: InodeNumber,
        as caller: Credentials
    ) throws -> InodeChange {
        var row = try row(inode)
        let before = row.change
        try ExtendedAttributeRules.requireWrite(name, of: Attributes(row), for: caller)
        guard try writer.removeXattr(inode, name: name) else {
            throw ExtendedAttributeRules.absent(name)
        }
        try touch(&row)
        try writer.updateInode(row)
        return InodeChange(before: before, after: row.change)
    }

    func setExtendedAttribute(
        _ name: [UInt8],
        _ value: [UInt8],
        _ mode: AttributeSetMode,
        of inode: InodeNumber,
        as caller: Credentials
    ) throws -> InodeChange {
        var row = try row(inode)
        let before = row.change
        try requireSettable(
            ExtendedAttribute(name: name, value: value),
            of: Attributes(row),
            for: caller
        )
        let exists = try writer.xattr(inode, name: name, at: .live) != nil
        switch mode {
        case .create where exists:
            throw FileSystemError(
                .exists,
                "inode \(inode.rawValue) has '\(String(decoding: name, as: UTF8.self))'"
            )
        case .replace where !exists:
            throw ExtendedAttributeRules.absent(name)
        case .create, .replace, .either:
            break
        }
        if !exists {
            let names = try writer.xattrs(of: inode, at: .live).map(\.name)
            try requireRoom(forName: name, beside: names, of: inode)
        }
        try writer.setXattr(inode, name: name, value: value)
        try touch(&row)
        try writer.updateInode(row)
        return InodeChange(before: before, after: row.change)
    }

    /// Refuses a value that the caller may not set, or that is too long.
    func requireSettable(
        _ attribute: ExtendedAttribute,
        of attributes: Attributes,
        for caller: Credentials
    ) throws(FileSystemError) {
        try ExtendedAttributeRules.requireWrite(attribute.name, of: attributes, for: caller)
        let (count, most) = (attribute.value.count, core.limits.attributeBytesMax)
        guard count <= most else {
            throw FileSystemError(
                .rangeError,
                "an extended attribute of \(count) bytes; at most \(most)"
            )
        }
    }

    /// Refuses one name more than an inode may have or can list.
    func requireRoom(
        forName name: [UInt8],
        beside names: [[UInt8]],
        of inode: InodeNumber
    ) throws(FileSystemError) {
        guard names.count < core.limits.attributesMax else {
            throw FileSystemError(
                .rangeError,
                "inode \(inode.rawValue) has \(names.count) extended attributes"
            )
        }
        let bytes = names.reduce(0) { $0 + $1.count + 1 }
        guard bytes + name.count + 1 <= core.limits.attributeNamesBytesMax else {
            throw FileSystemError(
                .noSpace,
                "inode \(inode.rawValue) has \(bytes) bytes of extended attributes' names"
            )
        }
    }
}
