import JSONText

/// What a JSON value may be: as much of JSON Schema (2020-12) as the API needs.
///
/// Lengths are Unicode scalars, as in JSON Schema itself. What no schema can say (a ticket that exists, a priority that
/// is the caller's to give) is left to 422.
indirect enum Schema: Sendable {
    case any
    case boolean
    case integer(ClosedRange<Int>?)
    case string(StringRules)
    /// One of these strings.
    case choice([String])
    /// `distinct`: no two elements are equal.
    case array(Schema, count: ClosedRange<Int>? = nil, distinct: Bool = false)
    case object(ObjectRules)
    /// An object whose names are the installation's own.
    case map(Schema)
    case either([Schema])
    case nullable(Schema)
    case component(Component)
}

struct StringRules: Sendable {
    var length: ClosedRange<Int>?
    var pattern: String?
    /// As JSON Schema calls it: `date-time`, `uuid`, …
    var format: String?
}

struct ObjectRules: Sendable {
    let members: [Member]
    /// Whether any other member is refused, as in every request.
    let isClosed: Bool
}

/// A member of an object.
struct Member: Sendable {
    let name: String
    let schema: Schema
    let isRequired: Bool
    /// Whether there is a text about it.
    let isTold: Bool
}

/// What most members are.
extension Schema {
    static let string = Schema.string(StringRules())
    static let integer = Schema.integer(nil)
    static let count = Schema.integer(0...Int(Int32.max))
    /// RFC 3339 with any offset in requests, UTC with milliseconds in answers.
    static let time = Schema.string(StringRules(format: "date-time"))
    static let date = Schema.string(StringRules(format: "date"))
    static let person = Schema.component(.person)

    static func choice<Choice: RawRepresentable & CaseIterable>(of type: Choice.Type) -> Schema
    where Choice.RawValue == String {
        .choice(Choice.allCases.map(\.rawValue))
    }

    static func matching(_ pattern: String, length: ClosedRange<Int>? = nil) -> Schema {
        .string(StringRules(length: length, pattern: pattern))
    }

    /// A text of 1 to `max` scalars that is not blank.
    static func text(_ max: Int) -> Schema { .matching(Pattern.text, length: 1...max) }

    /// What a request says; any other member is refused.
    static func request(_ members: Member...) -> Schema { .object(ObjectRules(members: members, isClosed: true)) }

    /// What an answer says; a later version may say more.
    static func answer(_ members: Member...) -> Schema { .object(ObjectRules(members: members, isClosed: false)) }

    static func answer(_ members: [Member]) -> Schema { .object(ObjectRules(members: members, isClosed: false)) }

    /// One page of a list.
    static func page(of item: Component) -> Schema {
        .answer(.always("items", .array(.component(item))), .always("next_cursor", .nullable(.string), told: true))
    }

    var orNull: Schema { .nullable(self) }

    var component: Component? {
        if case .component(let component) = self { component } else { nil }
    }
}

extension Member {
    /// Must be given, and not as null.
    static func required(_ name: String, _ schema: Schema, told: Bool = false) -> Member {
        Member(name: name, schema: schema, isRequired: true, isTold: told)
    }

    /// May be left out, which `null` says too.
    static func optional(_ name: String, _ schema: Schema, told: Bool = false) -> Member {
        Member(name: name, schema: schema.orNull, isRequired: false, isTold: told)
    }

    /// May be left out, but `null` is a fault: a patch cannot remove it.
    static func unremovable(_ name: String, _ schema: Schema, told: Bool = false) -> Member {
        Member(name: name, schema: schema, isRequired: false, isTold: told)
    }

    /// The same where another schema tells of it.
    var untold: Member { Member(name: name, schema: schema, isRequired: isRequired, isTold: false) }

    /// Stands in every answer.
    static func always(_ name: String, _ schema: Schema, told: Bool = false) -> Member {
        Member(name: name, schema: schema, isRequired: true, isTold: told)
    }

    /// Stands in some answers.
    static func sometimes(_ name: String, _ schema: Schema, told: Bool = false) -> Member {
        Member(name: name, schema: schema, isRequired: false, isTold: told)
    }
}

/// Regular expressions that ECMAScript, Python and Rust read alike.
enum Pattern {
    /// Unicode's White_Space, spelt out: the engines' own `\s` differ.
    private static let blanks = #"\u0009-\u000d\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"#

    static let withoutNUL = #"^[^\u0000]*$"#
    /// Something that is no white space, and no U+0000 anywhere.
    static let text = #"^[^\u0000]*[^\u0000\#(blanks)][^\u0000]*$"#
    static let ticket = "^[A-Z]{2,12}-[1-9][0-9]{0,17}$"
    static let code = "^[a-z0-9][a-z0-9-]{0,62}$"
    static let version = #"^(0|[1-9][0-9]{0,8})(\.(0|[1-9][0-9]{0,8})){1,2}$"#
    /// Wider than the rule, which also looks at the letters of the domain.
    static let email = #"^[^@\u0000-\u0020\u007f]{1,64}@[^@\u0000-\u0020\u007f]+$"#
    /// No control characters, and something that is no white space.
    static let filename =
        #"^[^\u0000-\u001f\u007f-\u009f]*[^\u0000-\u001f\u007f-\u009f\#(blanks)][^\u0000-\u001f\u007f-\u009f]*$"#
    static let visible = "^[!-~]{1,255}$"
    static let entityTag = #"^"[0-9]+-[0-9a-f]{16}(-gz)?"$"#
    static let uuidURN = "^urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
    static let sha256 = "^[0-9a-f]{64}$"

    static func identifier(_ letter: Character) -> String { "^\(letter)_[0-9A-Za-z]{22}$" }
}
