/// Why a request is refused before any handler sees it. After any of these the connection is closed.
public enum WireRefusal: String, Error, CaseIterable, Sendable {
    case badLineEnd, controlByte
    case badRequestLine, badMethod, methodTooLong, badTarget, targetTooLong, badVersion, unsupportedVersion
    case badField, headTooLarge, tooManyFields
    case missingHost, repeatedHost, badHost
    case badContentLength, badTransferCoding, unknownTransferCoding, twoFramings
    case badConnection, unknownExpectation
    case badChunk, badTrailer, trailersTooLarge, bodyTooLarge
    case timedOut, overloaded, notEncrypted

    /// The status to answer with.
    public var status: Int {
        switch self {
        case .methodTooLong, .unknownTransferCoding: 501
        case .targetTooLong: 414
        case .unsupportedVersion: 505
        case .headTooLarge, .tooManyFields, .trailersTooLarge: 431
        case .unknownExpectation: 417
        case .bodyTooLarge: 413
        case .timedOut: 408
        case .overloaded: 503
        case .badLineEnd, .controlByte, .badRequestLine, .badMethod, .badTarget, .badVersion, .badField,
            .missingHost, .repeatedHost, .badHost, .badContentLength, .badTransferCoding, .twoFramings,
            .badConnection, .badChunk, .badTrailer, .notEncrypted:
            400
        }
    }

    /// One English sentence that says what is wrong and nothing that the client sent.
    public var sentence: String {
        switch self {
        case .badLineEnd: "A line must end in CR LF, and neither may stand alone."
        case .controlByte: "The head holds a control byte."
        case .badRequestLine: "The request line is not method, target and version with one space between."
        case .badMethod: "The method is not a token."
        case .methodTooLong: "The method is longer than any that exists here."
        case .badTarget: "The request target is malformed or does not fit the method."
        case .targetTooLong: "The request target is too long."
        case .badVersion: "The version is malformed."
        case .unsupportedVersion: "Only HTTP/1.0 and HTTP/1.1 are spoken here."
        case .badField: "A header field is malformed."
        case .headTooLarge: "The header block is too large."
        case .tooManyFields: "There are too many header fields."
        case .missingHost: "The Host field is missing."
        case .repeatedHost: "The Host field is repeated."
        case .badHost: "The Host field is malformed."
        case .badContentLength: "Content-Length is not one plain number."
        case .badTransferCoding: "Transfer-Encoding is malformed or not allowed here."
        case .unknownTransferCoding: "The only transfer coding understood here is chunked, once."
        case .twoFramings: "Content-Length and Transfer-Encoding exclude each other."
        case .badConnection: "The Connection field is malformed."
        case .unknownExpectation: "The only expectation understood here is 100-continue."
        case .badChunk: "The chunked body is malformed."
        case .badTrailer: "A trailer field is malformed."
        case .trailersTooLarge: "The trailer section is too large."
        case .bodyTooLarge: "The body is too large."
        case .timedOut: "The request did not arrive in time."
        case .overloaded: "The server has no room for another connection now."
        case .notEncrypted: "This port speaks HTTPS: the address begins with https://."
        }
    }
}
