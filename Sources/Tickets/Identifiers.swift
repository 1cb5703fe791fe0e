import Digests

/// What an opaque identifier names; the letter in front says which.
public protocol Identified { static var letter: Character { get } }

/// An opaque identifier: a letter, an underscore and 22 base62 characters, unique without asking anybody.
public struct ID<Subject: Identified>: Sendable, Hashable, CustomStringConvertible {
    public let text: String

    /// Nil unless the text has the form of such an identifier.
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count == 24, text.first == Subject.letter, bytes[1] == 0x5f,
            bytes[2...].allSatisfy({
                (0x30...0x39).contains($0) || (0x41...0x5a).contains($0) || (0x61...0x7a).contains($0)
            })
        else { return nil }
        self.text = text
    }

    /// An identifier that comes out of the store, where only well-formed ones are.
    public init(stored text: String) { self.text = text }

    /// A new one.
    public static func make() -> ID { ID(stored: "\(Subject.letter)_\(Random.base62())") }

    public var description: String { text }
}

extension User: Identified { public static var letter: Character { "u" } }
extension Contract: Identified { public static var letter: Character { "k" } }
extension Comment: Identified { public static var letter: Character { "c" } }
extension Attachment: Identified { public static var letter: Character { "a" } }
extension Token: Identified { public static var letter: Character { "t" } }
extension JobRun: Identified { public static var letter: Character { "r" } }
extension FollowUp: Identified { public static var letter: Character { "f" } }

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
