import JSONText
import Regulations
import Tickets

/// What is installed: policies are files, so these only read.
extension API {
    func listProducts(_ exchange: Exchange) throws -> Answer {
        try listPolicies(exchange) { ProductBody(policy: $0, language: exchange.language) }
    }

    func listPolicies(_ exchange: Exchange) throws -> Answer {
        try listPolicies(exchange) { PolicyBody(policy: $0, language: exchange.language) }
    }

    func readPolicy(_ exchange: Exchange) throws -> Answer {
        try exchange.admit()
        guard let policy = rulebook().current[exchange.arguments[0]] else { throw Problem(.notFound) }
        var input = exchange.input()
        try input.finish()
        return .json(200, PolicyBody(policy: policy, language: exchange.language), in: exchange.language)
    }

    private func listPolicies(_ exchange: Exchange, _ body: (Policy) -> some Body) throws -> Answer {
        try exchange.admit()
        var input = exchange.input()
        let page = input.page()
        try input.finish()
        return exchange.list(Array(rulebook().current.values), by: { $0.code }, page, body)
    }
}

/// A product is what a policy is about: both go by one code.
struct ProductBody: Body {
    let policy: Policy
    let language: Language

    func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("code", policy.code)
            json.member("name", policy.name[language])
            json.key("policy")
            json.object { json in
                json.member("code", policy.code)
                json.member("version", policy.version)
            }
        }
    }
}
