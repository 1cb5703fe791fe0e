import Digests
import EventLoop
import Glibc
import JSONText
import TicketStore

/// One line of a file of anchors, and of what `reglament anchor` prints.
struct AnchorLine {
    /// When it was made, as the writer's clock had it.
    let at: String
    let anchor: Anchor
    /// Empty: the line vouches for all chains and names none.
    let heads: [ChainHead]

    /// Without a line feed.
    func json(withHeads: Bool) -> String {
        var json = JSONWriter()
        json.object { json in
            json.member("at", at)
            json.member("to", anchor.place)
            json.member("root", anchor.root.hex)
            if withHeads { json.member("heads", heads.map { "\($0.ticket) \($0.seq) \($0.hash)" }) }
        }
        return String(decoding: json.bytes, as: UTF8.self)
    }

    /// What every line begins with.
    static let beginning = Array("{\"at\":\"".utf8)

    /// Nil: it is none.
    init?(_ bytes: [UInt8]) {
        guard let node = try? JSONReader.read(bytes) else { return nil }
        var reader = JSONObjectReader(node, faults: JSONFaults())
        guard let at = reader.string("at"), let place = reader.integer("to", in: 0...Int.max),
            let root = reader.string("root").flatMap(Hex.decode).flatMap({ Digest(bytes: $0) })
        else { return nil }
        let heads = (reader.strings("heads") ?? []).map { $0.split(separator: " ") }
        guard heads.allSatisfy({ $0.count == 3 && Int32($0[1]) != nil }) else { return nil }
        reader.finish()
        guard reader.faults.isEmpty else { return nil }
        self.init(
            at: at, anchor: Anchor(place: place, root: root),
            heads: heads.map { ChainHead(ticket: String($0[0]), seq: Int($0[1]) ?? 0, hash: String($0[2])) })
    }

    init(at: String, anchor: Anchor, heads: [ChainHead]) {
        self.at = at
        self.anchor = anchor
        self.heads = heads
    }
}

/// Reads a file of anchors line by line: it grows with the years, what is in memory does not.
struct AnchorLines: ~Copyable {
    private static let lineBytesMax = 8 << 20

    private let path: String
    private let descriptor: Int32
    private var rest: [UInt8] = []
    private var number = 0
    private var place = 0
    /// At the end: the bytes of a last line whose writer did not come to its end.
    private(set) var unfinishedBytes = 0
    /// At the end: whether the last line is whole but for its line feed.
    private(set) var lacksLineFeed = false

    init(path: String, descriptor: Int32) {
        self.path = path
        self.descriptor = descriptor
    }

    init(path: String) throws {
        self.init(path: path, descriptor: open(path, O_RDONLY | O_CLOEXEC))
        guard descriptor >= 0 else { throw Failure.failed("\(path): \(String(cString: strerror(errno)))") }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Nil at the end, before an unfinished line also.
    mutating func next() throws -> AnchorLine? {
        guard let bytes = try nextLine() else { return nil }
        number += 1
        guard let line = AnchorLine(bytes) else {
            guard lacksLineFeed, Self.isBeginning(bytes) else {
                throw Failure.failed("\(path): line \(number) is no anchor")
            }
            (lacksLineFeed, unfinishedBytes) = (false, bytes.count)
            return nil
        }
        guard line.anchor.place >= place else {
            throw Failure.failed("\(path): line \(number) is older than the one before")
        }
        place = line.anchor.place
        return line
    }

    /// Of one of ours: what is none must neither be passed over nor cut off.
    private static func isBeginning(_ bytes: [UInt8]) -> Bool {
        zip(bytes, AnchorLine.beginning).allSatisfy { $0 == $1 }
    }

    private mutating func nextLine() throws -> [UInt8]? {
        var searched = 0
        var buffer = [UInt8](repeating: 0, count: 262_144)
        while true {
            if let end = rest[searched...].firstIndex(of: UInt8(ascii: "\n")) {
                let line = Array(rest[..<end])
                rest.removeSubrange(...end)
                return line
            }
            searched = rest.count
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw Failure.failed("\(path): \(String(cString: strerror(errno)))") }
            if count == 0 {
                guard !rest.isEmpty else { return nil }
                lacksLineFeed = true
                defer { rest = [] }
                return rest
            }
            guard rest.count < Self.lineBytesMax else {
                throw Failure.failed("\(path): line \(number + 1) has no end")
            }
            rest += buffer[..<count]
        }
    }
}

/// A file of anchors that this process alone adds to.
struct AnchorFile: ~Copyable {
    private let path: String
    private let descriptor: Int32
    /// What the last line says, or the beginning.
    let last: Anchor

    /// Takes away what a writer that was killed has left of its last line.
    init(path: String) throws {
        self.path = path
        descriptor = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Failure.failed("\(path): \(String(cString: strerror(errno)))") }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            throw Failure.failed("\(path): another process adds to it")
        }
        var lines = try AnchorLines(path: path)
        var last = Anchor.beginning
        while let line = try lines.next() { last = line.anchor }
        if lines.lacksLineFeed { try Self.append([UInt8(ascii: "\n")], to: descriptor, of: path) }
        if lines.unfinishedBytes > 0 {
            guard ftruncate(descriptor, lseek(descriptor, 0, SEEK_END) - lines.unfinishedBytes) == 0 else {
                throw Failure.failed("\(path): \(String(cString: strerror(errno)))")
            }
            Terminal.say(
                "\(path): its last line was not finished, and has been cut off: \(lines.unfinishedBytes) bytes")
        }
        self.last = last
    }

    deinit { close(descriptor) }

    func append(_ line: AnchorLine) throws {
        try Self.append(Array((line.json(withHeads: true) + "\n").utf8), to: descriptor, of: path)
    }

    /// All of it, or nothing.
    private static func append(_ bytes: [UInt8], to descriptor: Int32, of path: String) throws {
        let length = lseek(descriptor, 0, SEEK_END)
        do throws(EventLoopError) {
            try Files.write(bytes, to: descriptor)
            guard fsync(descriptor) == 0 else { throw EventLoopError("fsync") }
        } catch {
            // What cannot be taken away now is when the file is opened again.
            _ = ftruncate(descriptor, length)
            throw Failure.failed("\(path): \(error)")
        }
    }
}
