import Digests
public import JSONText

/// What an opaque identifier names; the letter in front says which.
public protocol Identified: SendableMetatype { static var letter: UInt8 { get } }

/// An opaque identifier: a letter, an underscore and 22 base62 characters, unique without asking anybody.
///
/// Its 24 bytes lie in the value itself: a ticket names half a dozen people, a list of fifty some three hundred. What reads
/// and writes them is inlinable, since a generic function of another module costs hundreds of instructions a call otherwise.
public struct ID<Subject: Identified>: Sendable, Hashable, CustomStringConvertible {
    /// In bytes, all of them ASCII.
    @inlinable public static var size: Int { 24 }

    @usableFromInline
    var words: (UInt64, UInt64, UInt64) = (0, 0, 0)

    /// Nil unless the text has the form of such an identifier.
    public init?(_ text: String) {
        var text = text
        let id = text.withUTF8 { Self(stored: UnsafeRawBufferPointer($0)) }
        guard let id, id.withBytes(Self.isWellFormed) else { return nil }
        self = id
    }

    /// One that comes out of the store, where only well-formed ones are; nil unless it has 24 bytes.
    @inlinable
    public init?(stored text: UnsafeRawBufferPointer) {
        guard text.count == Self.size else { return nil }
        withUnsafeMutableBytes(of: &words) { $0.copyMemory(from: text) }
    }

    /// A new one.
    public static func make() -> ID {
        var id = ID()
        withUnsafeMutableBytes(of: &id.words) { bytes in
            bytes[0] = Subject.letter
            bytes[1] = UInt8(ascii: "_")
            Random.fillBase62(UnsafeMutableRawBufferPointer(rebasing: bytes[2...]))
        }
        return id
    }

    private init() {}

    private static func isWellFormed(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes[0] == Subject.letter && bytes[1] == UInt8(ascii: "_")
            && bytes[2...].allSatisfy {
                (0x30...0x39).contains($0) || (0x41...0x5a).contains($0) || (0x61...0x7a).contains($0)
            }
    }

    public var text: String { withBytes { String(decoding: $0, as: UTF8.self) } }

    public var description: String { text }

    /// The 24 bytes of `text`, which live as long as the call of `body`.
    @inlinable
    public func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        withUnsafeBytes(of: words, body)
    }

    @inlinable
    public static func == (left: ID, right: ID) -> Bool { left.words == right.words }

    @inlinable
    public func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
        hasher.combine(words.2)
    }
}

extension JSONWriter {
    @inlinable
    public mutating func string<Subject>(_ id: ID<Subject>) {
        id.withBytes { bytes in
            string(length: bytes.count) { UnsafeMutableRawBufferPointer($0).copyMemory(from: bytes) }
        }
    }

    /// `null` for nil.
    @inlinable
    public mutating func member<Subject>(_ name: StaticString, _ id: ID<Subject>?) {
        key(name)
        if let id { string(id) } else { null() }
    }
}

extension User: Identified { public static var letter: UInt8 { UInt8(ascii: "u") } }
extension Contract: Identified { public static var letter: UInt8 { UInt8(ascii: "k") } }
extension Comment: Identified { public static var letter: UInt8 { UInt8(ascii: "c") } }
extension Attachment: Identified { public static var letter: UInt8 { UInt8(ascii: "a") } }
extension Token: Identified { public static var letter: UInt8 { UInt8(ascii: "t") } }
extension JobRun: Identified { public static var letter: UInt8 { UInt8(ascii: "r") } }
extension FollowUp: Identified { public static var letter: UInt8 { UInt8(ascii: "f") } }

public typealias UserID = ID<User>
public typealias ContractID = ID<Contract>
public typealias CommentID = ID<Comment>
public typealias AttachmentID = ID<Attachment>
public typealias TokenID = ID<Token>
public typealias JobRunID = ID<JobRun>
public typealias FollowUpID = ID<FollowUp>

/// A registration number: the product's prefix and a number that is never used twice.
public struct TicketID: Sendable, Hashable, Comparable, CustomStringConvertible {
    public let number: Int64
    /// As people write it. Fifteen characters need no memory of their own.
    public let text: String

    public init(prefix: String, number: Int64) {
        self.number = number
        text = "\(prefix)-\(number)"
    }

    /// Nil unless the text is written exactly as a registration number is: `OMNIVOX-1042`.
    public init?(_ text: String) {
        var text = text
        guard let number = text.withUTF8(Self.number) else { return nil }
        self.number = number
        self.text = text
    }

    /// 2 to 12 capitals, a hyphen, and 1 to 18 digits of which the first is no zero.
    private static func number(_ text: UnsafeBufferPointer<UInt8>) -> Int64? {
        guard let hyphen = text.firstIndex(of: UInt8(ascii: "-")), (2...12).contains(hyphen) else { return nil }
        let letters = text[..<hyphen]
        let digits = text[(hyphen + 1)...]
        guard letters.allSatisfy({ (0x41...0x5a).contains($0) }), (1...18).contains(digits.count),
            digits.first != UInt8(ascii: "0")
        else { return nil }
        var number: Int64 = 0
        for digit in digits {
            guard (0x30...0x39).contains(digit) else { return nil }
            number = number * 10 + Int64(digit - 0x30)
        }
        return number
    }

    /// The product's.
    public var prefix: Substring { text.prefix { $0 != "-" } }

    public var description: String { text }

    public static func < (left: TicketID, right: TicketID) -> Bool {
        (left.prefix, left.number) < (right.prefix, right.number)
    }
}
