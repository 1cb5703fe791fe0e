import JSONText
import Regulations

/// Every way in which a member or a parameter can be wrong. Raw values are promises.
///
/// The readers of `JSONText` and the rules of `Tickets` say some of them as bare strings.
enum FaultCode: String, CaseIterable, Sendable {
    case missing
    case unknownMember = "unknown_member"
    case notAnObject = "not_an_object"
    case notAString = "not_a_string"
    case notABoolean = "not_a_boolean"
    case notAnInteger = "not_an_integer"
    case notAnArray = "not_an_array"
    case outOfRange = "out_of_range"
    case nulCharacter = "nul_character"
    case controlCharacter = "control_character"
    case blank
    case empty
    case tooLong = "too_long"
    case tooMany = "too_many"
    case tooManyLinks = "too_many_links"
    case duplicate
    case notOneOf = "not_one_of"
    case atLeastOneOf = "at_least_one_of"
    case notATime = "not_a_time"
    case notADate = "not_a_date"
    case notAnEmail = "not_an_email"
    case notACode = "not_a_code"
    case notAVersion = "not_a_version"
    case notInTheFuture = "not_in_the_future"
    case endsBeforeStart = "ends_before_start"
    case notFound = "not_found"
    case notYours = "not_yours"
    case immutable
    case notRemovable = "not_removable"
    case notAllowedHere = "not_allowed_here"
    case notAgreeable = "not_agreeable"
    case notAnActiveEmployee = "not_an_active_employee"
    case notAnActiveContact = "not_an_active_contact"
    case itself
    case otherOrganization = "other_organization"
    case otherProduct = "other_product"
    case closed
    case notBlocking = "not_blocking"
    case isAPart = "is_a_part"
    case alreadyAPart = "already_a_part"
    case hasParts = "has_parts"
    case onlyWithDryRun = "only_with_dry_run"
    case unknownParameter = "unknown_parameter"
    case repeatedParameter = "repeated_parameter"
    case notUTF8 = "not_utf8"
    case notACursor = "not_a_cursor"
    case unknownTimeZone = "unknown_time_zone"
    case calendarNotCovered = "calendar_not_covered"
}

/// One thing wrong with a request.
struct Fault: Sendable, Equatable {
    enum Place: Sendable, Equatable {
        /// A JSON Pointer (RFC 6901) into the body.
        case pointer(String)
        /// A parameter of the query.
        case parameter(String)
    }

    let place: Place
    let code: String
    let arguments: [String: String]

    init(_ code: FaultCode, at place: Place, _ arguments: [String: String] = [:]) {
        self.place = place
        self.code = code.rawValue
        self.arguments = arguments
    }

    init(_ fault: JSONFault) {
        place = .pointer(fault.pointer)
        code = fault.code
        arguments = fault.arguments
    }

    func write(to json: inout JSONWriter, _ texts: Texts, _ language: Language) {
        json.object { json in
            switch place {
            case .pointer(let pointer): json.member("pointer", pointer)
            case .parameter(let parameter): json.member("parameter", parameter)
            }
            json.member("code", code)
            json.member("detail", texts.detail(of: self, language))
        }
    }
}

extension JSONObjectReader {
    /// Adds a fault at a member.
    func fault(_ code: FaultCode, at name: String, _ arguments: [String: String] = [:]) {
        fault(code.rawValue, at: name, arguments)
    }
}
