/// How a request's body ends (RFC 9112 6.3).
public enum BodyFraming: Equatable, Sendable {
    case none
    /// At least one byte.
    case length(Int)
    case chunked
}

/// A request without its body, checked and unambiguous.
public struct RequestHead: Sendable {
    public let method: String
    /// As received.
    public let target: String
    /// Still percent-encoded; `*` for the asterisk-form, the authority for CONNECT.
    public let path: String
    /// What follows the first `?`, nil without one.
    public let query: String?
    /// 0 or 1; a higher minor version is taken as 1 (RFC 9110 2.5).
    public let minorVersion: Int
    /// With an absolute-form target the Host field is the target's (RFC 9112 3.2.2).
    public let fields: Fields
    public let framing: BodyFraming
    /// Whether the connection persists as far as the client is concerned (RFC 9112 9.3).
    public let isPersistent: Bool
    /// Whether an interim 100 response is waited for; never in HTTP/1.0, never without a body (RFC 9110 10.1.1).
    public let expectsContinue: Bool
}

/// Bounds of a request head, in bytes and lines.
public struct HeadLimits: Sendable {
    /// From the first byte to the empty line's LF.
    public var headBytesMax = 16_384
    public var targetBytesMax = 8_192
    public var fieldsMax = 100
    public static let methodBytesMax = 32

    public init(headBytesMax: Int = 16_384, targetBytesMax: Int = 8_192, fieldsMax: Int = 100) {
        self.headBytesMax = headBytesMax
        self.targetBytesMax = targetBytesMax
        self.fieldsMax = fieldsMax
    }

    /// With two blanks, `HTTP/1.1` and the line's end.
    var requestLineBytesMax: Int { min(headBytesMax, Self.methodBytesMax + targetBytesMax + 12) }
}
