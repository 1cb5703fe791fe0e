import JSONText

/// One thing wrong in a configuration file, told so that an operator finds it.
public struct ConfigurationFault: Sendable, Equatable, CustomStringConvertible {
    public let file: String
    /// From 1; 0 when the fault is about the file as a whole.
    public let line: Int
    /// A JSON Pointer, empty for the whole file.
    public let path: String
    public let message: String

    public init(file: String, line: Int, path: String, message: String) {
        self.file = file
        self.line = line
        self.path = path
        self.message = message
    }

    public var description: String {
        let place = line > 0 ? "\(file):\(line): " : "\(file): "
        return place + (path.isEmpty ? "" : "\(path): ") + message
    }
}

/// Everything wrong with a configuration, one line per fault in its description.
public struct ConfigurationFaults: Error, Sendable, Equatable, CustomStringConvertible {
    public let faults: [ConfigurationFault]

    public init(_ faults: [ConfigurationFault]) { self.faults = faults }

    public var description: String { faults.map(\.description).joined(separator: "\n") }
}

/// A configuration file while it is read.
struct ConfigurationFile {
    let name: String
    let bytes: [UInt8]
    let root: JSONNode
    let faults = JSONFaults()

    init(_ name: String, _ bytes: [UInt8]) throws(ConfigurationFaults) {
        self.name = name
        self.bytes = bytes
        do {
            root = try JSONReader.read(bytes)
        } catch {
            let message = "\(error.reason.rawValue) at column \(error.column)"
            throw ConfigurationFaults([ConfigurationFault(file: name, line: error.line, path: "", message: message)])
        }
    }

    func line(of offset: Int) -> Int { JSONPosition(offset: offset, in: bytes).line }

    /// What was found, in the order of the file.
    var found: ConfigurationFaults? {
        if faults.isEmpty { return nil }
        let sorted = faults.list.enumerated().sorted {
            ($0.element.offset, $0.offset) < ($1.element.offset, $1.offset)
        }
        return ConfigurationFaults(
            sorted.map { _, fault in
                ConfigurationFault(
                    file: name, line: line(of: fault.offset), path: fault.pointer, message: Self.message(fault))
            })
    }

    private static func message(_ fault: JSONFault) -> String {
        let value = fault.arguments["value"] ?? ""
        return switch fault.code {
        case "bad_code": "must match [a-z0-9][a-z0-9-]{0,62}"
        case "bad_date": "must be a date YYYY-MM-DD"
        case "bad_key": "\(value) must match [a-z][a-z0-9_]{0,62}"
        case "bad_prefix": "must match [A-Z]{2,12}"
        case "bad_time": "must be a time HH:MM, as an end also 24:00"
        case "blank": "must not be blank"
        case "empty": "must not be empty"
        case "file_name": "must be the file's name, \(value)"
        case "missing": "is missing"
        case "not_a_boolean": "must be true or false"
        case "not_a_string": "must be a string"
        case "not_an_array": "must be an array"
        case "not_an_integer": "must be a whole number"
        case "not_an_object": "must be an object"
        case "nul_character": "must not hold U+0000"
        case "out_of_range": "must be from \(fault.arguments["min"] ?? "") to \(fault.arguments["max"] ?? "")"
        case "repeated": "\(value) stands here twice"
        case "unknown_member": "is no member that is known here"
        case "unknown_value": "\(value) is not one of \(fault.arguments["known"] ?? "")"
        case "unknown_time_zone": "\(value) is no time zone that is installed"
        case "unknown_calendar": "\(value) is no calendar that is installed"
        default: fault.arguments["message"] ?? fault.code
        }
    }
}
