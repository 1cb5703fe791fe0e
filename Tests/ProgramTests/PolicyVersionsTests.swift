import Digests
import Regulations
import TestKit
import TicketStore
import Testing
import Tickets

@testable import reglament

/// Which versions are known and in force when; times in milliseconds.
@Suite struct PolicyVersionsTests {
    private static func at(_ milliseconds: UInt64) -> UInt64 { milliseconds * 1_000_000 }

    private static func document(_ version: Int, calendar: String = "ru") throws -> [UInt8] {
        Array(
            try Repository.text("Config/policies/omnivox.json")
                .replacing("\"version\": 1,", with: "\"version\": \(version),")
                .replacing("\"calendar\": \"ru\"", with: "\"calendar\": \"\(calendar)\"").utf8)
    }

    private static func stored(
        _ version: Int, age: Int, calendar: String = "ru", document: [UInt8]? = nil
    ) throws -> StoredPolicy {
        let bytes = try document ?? Self.document(version, calendar: calendar)
        return StoredPolicy(
            product: "omnivox", version: version, sha256: Digest(of: bytes).hex, document: bytes,
            age: .milliseconds(age))
    }

    private static func file(_ text: String) throws -> Installation.PolicyFile {
        let (name, bytes) = ("Config/policies/omnivox.json", Array(text.utf8))
        return .init(
            policy: try Policy(file: name, bytes: bytes), name: name, bytes: bytes, sha256: Digest(of: bytes).hex)
    }

    private func current(_ versions: PolicyVersions, at time: UInt64) -> [Int] {
        versions.current(at: Self.at(time)) { $0.calendar == "ru" }.map(\.version)
    }

    @Test func `the first version is in force at once, the next one when everybody knows it`() throws {
        var versions = PolicyVersions()
        #expect(try versions.update([Self.stored(1, age: 0)], at: Self.at(1000)) == [])
        #expect(current(versions, at: 1000) == [1] && versions.next(after: Self.at(1000)) == nil)
        #expect(try versions.update([Self.stored(1, age: 9000), Self.stored(2, age: 200)], at: Self.at(9000)) == [])
        #expect(versions.next(after: Self.at(9000)) == Self.at(9300))
        #expect(current(versions, at: 9299) == [1] && current(versions, at: 9300) == [2])
        #expect(versions.policies.map(\.version) == [1, 2] && versions.count == 2)
        // Seen again it comes no later.
        #expect(try versions.update([Self.stored(1, age: 0), Self.stored(2, age: 0)], at: Self.at(9500)) == [])
        #expect(current(versions, at: 9500) == [2])
    }

    @Test(arguments: [
        // Whoever starts believes the database's clock, unless it has been set back.
        (age: 0, isFirst: true, delay: 500), (499, true, 1), (500, true, 0), (90_000, true, 0), (-1, true, 0),
        // Whoever runs has the others look once more, too.
        (0, false, 500), (150, false, 350), (450, false, 300), (90_000, false, 300), (-90_000, false, 300),
    ])
    func `what replaces another waits until everybody knows it`(age: Int, isFirst: Bool, delay: Int) {
        #expect(PolicyVersions.delay(age: .milliseconds(age), isFirst: isFirst) == .milliseconds(delay))
    }

    @Test func `everybody looks twice before a version comes into force, and that within a second`() {
        #expect(PolicyVersions.settling >= PolicyVersions.interval * 2)
        #expect(PolicyVersions.settlingMin > PolicyVersions.interval)
        #expect(PolicyVersions.interval + PolicyVersions.settling < .seconds(1))
    }

    @Test func `a version whose calendar is not here leaves the one before in force`() throws {
        var versions = PolicyVersions()
        #expect(
            try versions.update(
                [Self.stored(1, age: 9000), Self.stored(2, age: 9000, calendar: "atlantis")], at: Self.at(1000)) == [])
        #expect(current(versions, at: 1000) == [1])
        #expect(versions.current(at: Self.at(1000)) { _ in true }.map(\.version) == [2])
    }

    @Test func `what cannot be read is told once, counted, and left out`() throws {
        var versions = PolicyVersions()
        let stored = [
            try Self.stored(1, age: 9000), try Self.stored(2, age: 9000, document: Array("{\n\"code\": 1".utf8)),
        ]
        let faults = versions.update(stored, at: Self.at(1000))
        #expect(faults.count == 1 && faults[0].contains("omnivox version 2:2"))
        #expect(versions.update(stored, at: Self.at(1000)) == [] && versions.count == 2)
        #expect(current(versions, at: 1000) == [1] && versions.highest(of: "omnivox") == 2)
    }

    @Test func `what is one of the files need not be sent`() throws {
        let file = try Self.file(try Repository.text("Config/policies/omnivox.json"))
        let stored = StoredPolicy(
            product: "omnivox", version: 1, sha256: file.sha256, document: [], age: .milliseconds(9000))
        var versions = PolicyVersions()
        #expect(versions.update([stored], at: Self.at(1000), files: [file]) == [])
        #expect(versions.policies == [file.policy] && current(versions, at: 1000) == [1])
        // Of another version, or of none that is here, nothing but its own document is believed.
        let other = StoredPolicy(product: "omnivox", version: 2, sha256: file.sha256, document: [], age: .zero)
        #expect(versions.update([stored, other], at: Self.at(2000), files: [file]).count == 1)
        var without = PolicyVersions()
        #expect(without.update([stored], at: Self.at(1000)).count == 1)
    }

    @Test func `a database that lost a version makes the one before current again`() throws {
        var versions = PolicyVersions()
        _ = try versions.update([Self.stored(1, age: 9000), Self.stored(2, age: 9000)], at: Self.at(1000))
        _ = try versions.update([Self.stored(1, age: 9000)], at: Self.at(2000))
        #expect(current(versions, at: 2000) == [1] && versions.count == 1)
    }

    @Test func `a file is held against what is installed`() throws {
        var versions = PolicyVersions()
        _ = try versions.update([Self.stored(1, age: 9000), Self.stored(3, age: 9000)], at: Self.at(1000))
        let text = try Repository.text("Config/policies/omnivox.json")
        let same = try Self.file(text)
        #expect(versions.faults(of: same).isEmpty && !versions.isNew(same.policy))
        let changed = versions.faults(of: try Self.file(text + "\n")).map(\.description)
        #expect(changed.count == 1)
        #expect(changed[0].hasPrefix("Config/policies/omnivox.json:4: /version: ") && changed[0].contains("raise"))
        let older = try Self.file(text.replacing("\"version\": 1,", with: "\"version\": 2,"))
        #expect(versions.faults(of: older).isEmpty && !versions.isNew(older.policy))
        let newer = text.replacing("\"version\": 1,", with: "\"version\": 4,")
        #expect(versions.isNew(try Self.file(newer).policy))
        for other in [
            newer.replacing("\"prefix\": \"OMNIVOX\"", with: "\"prefix\": \"OTHER\""),
            newer.replacing("\"code\": \"omnivox\"", with: "\"code\": \"other\""),
        ] {
            let faults = versions.faults(of: try Self.file(other)).map(\.description)
            #expect(faults.count == 1 && faults[0].contains(": /prefix: "), "\(faults)")
        }
    }
}
