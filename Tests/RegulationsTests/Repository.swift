import Foundation
import Regulations

/// The files of the repository and of the machine that these tests read.
enum Repository {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    static let zoneinfo = URL(fileURLWithPath: "/usr/share/zoneinfo")

    static func bytes(_ path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: root.appending(path: path))) }

    /// Every JSON file of a folder, without its subfolders.
    static func files(_ folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: root.appending(path: folder).path)
            .filter { $0.hasSuffix(".json") }.sorted().map { "\(folder)/\($0)" }
    }

    /// The shipped calendars, read once.
    static func calendars() throws -> [String: WorkCalendar] { try loaded.get() }

    private static let loaded = Result { try load() }

    private static func load() throws -> [String: WorkCalendar] {
        var calendars: [String: WorkCalendar] = [:]
        for file in try files("Config/calendars") + files("Config/calendars/regions") {
            let calendar = try WorkCalendar(file: file, bytes: bytes(file), version: "0123456789ab")
            calendars[calendar.id] = calendar
        }
        return calendars
    }
}

/// The system's zones.
struct SystemZones: TimeZoneSource {
    func rules(for identifier: String) throws(TimeZoneError) -> TimeZoneRules {
        guard let data = try? Data(contentsOf: Repository.zoneinfo.appending(path: identifier)) else {
            throw .unknown(identifier)
        }
        return try TimeZoneRules(identifier: identifier, tzif: [UInt8](data))
    }
}
