public import HTTPWire
import Regulations

extension API {
    /// What the parser or the server refuses before a request exists, shaped like every other error.
    ///
    /// In English: whatever the request says about languages was not read, or cannot be trusted.
    public func refusal(_ refusal: WireRefusal) -> Response {
        let identity = RequestIdentity([])
        var problem = Problem(API.problemType(of: refusal))
        problem.detail = refusal.sentence
        return problem.answer(texts, in: .en, instance: identity.instance).response(requestID: identity.id)
    }

    static func problemType(of refusal: WireRefusal) -> ProblemType {
        switch refusal {
        case .badLineEnd, .controlByte, .badRequestLine, .badMethod, .badTarget, .badVersion, .badField, .missingHost,
            .repeatedHost, .badHost, .badContentLength, .badTransferCoding, .twoFramings, .badConnection, .badChunk,
            .badTrailer, .notEncrypted:
            .malformedRequest
        case .methodTooLong, .unknownTransferCoding: .notImplemented
        case .targetTooLong: .targetTooLong
        case .unsupportedVersion: .versionNotSupported
        case .headTooLarge, .tooManyFields, .trailersTooLarge: .headerTooLarge
        case .unknownExpectation: .expectationFailed
        case .bodyTooLarge: .contentTooLarge
        case .timedOut: .requestTimeout
        case .overloaded: .overloaded
        }
    }
}
