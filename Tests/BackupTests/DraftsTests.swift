import Testing
import VarveModel

@testable import Backup

struct DraftsTests {
    @Test func `no two drafts have one name, and each knows its own for good`() throws {
        let drafts = Drafts()
        let others = Drafts()
        let names = (0..<100).map { _ in drafts.next() }
        #expect(Set(names).count == 100)
        // A mirror that listed a draft may look at its name after it was renamed: it is no name to take away even then.
        #expect(names.allSatisfy(drafts.contains))
        #expect(!names.contains(where: others.contains))
        let name = try #require(names.first)
        #expect(try !drafts.contains(#require(FileName("x\(name)"))))
        #expect(try !drafts.contains(#require(FileName(String("\(name)".dropLast(3))))))
    }
}
