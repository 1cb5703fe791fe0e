import Glibc
import Postgres

/// A PostgreSQL that runs on a place's data, whoever started it.
struct ClusterProcess {
    let id: pid_t
    private let place: ClusterPlace

    /// nil when none runs: no `postmaster.pid`, or one whose number belongs to nobody or to another program. A
    /// postmaster's working folder is its data folder.
    init?(of place: ClusterPlace) {
        guard let id = Self.lines(of: place).first.flatMap({ pid_t($0) }), id > 0 else { return nil }
        let folder = Self.link("/proc/\(id)/cwd")
        guard folder == Self.real(place.data), Self.link("/proc/\(id)/exe")?.hasSuffix("/postgres") == true else {
            return nil
        }
        self.id = id
        self.place = place
    }

    /// Waits until it answers and returns its socket's folder; nil when it ends instead. Throws after a minute.
    func awaitReadiness(_ say: (String) -> Void) throws(ClusterError) -> String? {
        for turn in 0..<600 {
            guard let now = ClusterProcess(of: place), now.id == id else { return nil }
            let lines = Self.lines(of: place)
            // Line 5 is the socket's folder, line 8 the state.
            if lines.count >= 5, !lines[4].isEmpty,
                serverAnswers(at: "host=\(lines[4]) port=5432 user=postgres dbname=postgres"),
                lines.count < 8 || !lines[7].hasPrefix("stopping")
            {
                return lines[4]
            }
            if turn % 50 == 49 { say("PostgreSQL is still starting or stopping …") }
            usleep(100_000)
        }
        throw ClusterError("PostgreSQL (process \(id)) does not answer for a minute, see \(place.log).")
    }

    /// Waits until the process itself is gone, a minute at most: PostgreSQL removes its `postmaster.pid`, for which
    /// `pg_ctl stop` waits, before it gives back its memory and ends.
    func awaitEnd() {
        guard let folder = Self.real(place.data) else { return }
        var turns = 0
        while turns < 6_000, Self.link("/proc/\(id)/cwd") == folder {
            usleep(10_000)
            turns += 1
        }
    }

    private static func lines(of place: ClusterPlace) -> [String] {
        (smallFile(place.data + "/postmaster.pid") ?? "").split(separator: "\n", omittingEmptySubsequences: false).map {
            String($0)
        }
    }

    private static func link(_ path: String) -> String? {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = bytes.withUnsafeMutableBytes { raw in
            raw.withMemoryRebound(to: CChar.self) { buffer in
                buffer.baseAddress.map { readlink(path, $0, buffer.count) } ?? -1
            }
        }
        return count < 0 ? nil : String(decoding: bytes[..<count], as: UTF8.self)
    }

    private static func real(_ path: String) -> String? {
        guard let real = realpath(path, nil) else { return nil }
        defer { free(real) }
        return String(cString: real)
    }
}
