import JSONText
import Regulations
import Tickets

/// What customers bought.
extension API {
    func listContracts(_ exchange: Exchange) async throws -> Answer {
        try exchange.admit()
        var input = exchange.input()
        let page = input.page()
        try input.finish()
        return exchange.list(try await store.contracts(page.request, exchange.access), page) { ContractBody($0) }
    }

    func readContract(_ exchange: Exchange) async throws -> Answer {
        try exchange.admit()
        let contract = try await contract(exchange)
        var input = exchange.input()
        try input.finish()
        return .json(200, ContractBody(contract), in: exchange.language)
    }

    func createContract(_ exchange: Exchange) async throws -> Answer {
        let node = try exchange.json()
        try exchange.admit()
        var input = exchange.input(node)
        let organization = input.body.word("organization", required: true)
        let product = input.body.word("product", required: true)
        let policy = product.flatMap { rulebook().current[$0] }
        if product != nil && policy == nil {
            let known = rulebook().current.keys.sorted().joined(separator: ", ")
            input.body.fault(.notOneOf, at: "product", ["values": known])
        }
        if let organization {
            let isCode = Organization.isCode(organization)
            let exists = isCode ? try await store.organization(organization, exchange.access) != nil : false
            if !exists { input.body.fault(.notFound, at: "organization") }
        }
        var contract = Contract(
            id: .make(), organization: organization ?? "", product: product ?? "", plan: nil,
            validFrom: CalendarDate(daysSince1970: 0), validTo: nil, autoCloseAfterWorkingDays: nil,
            responsibleContacts: [])
        try await read(&contract, &input, policy, isNew: true)
        try input.finish()
        let written = contract
        let answer = Answer.json(
            201, ContractBody(written), in: exchange.language, location: "/v1/contracts/\(written.id)")
        try await write(API.contractProblems) { () async throws(StoreError) in
            try await store.create(written, answer: answer.kept, exchange.access)
        }
        return answer
    }

    func patchContract(_ exchange: Exchange) async throws -> Answer {
        let node = try exchange.json()
        try exchange.admit(toSee: .readContract)
        return try await repeatedly {
            let before = try await contract(exchange)
            try exchange.admit()
            var contract = before
            var input = exchange.input(node)
            input.body.unchanged("id", contract.id.text)
            input.body.unchanged("organization", contract.organization)
            input.body.unchanged("product", contract.product)
            if input.body.isNull("valid_from") { input.body.fault(.notRemovable, at: "valid_from") }
            try await read(&contract, &input, rulebook().current[contract.product], isNew: false)
            try input.finish()
            let written = contract
            try await write(API.contractProblems) { () async throws(StoreError) in
                try await store.update(written, from: before, exchange.access)
            }
            return .json(200, ContractBody(written), in: exchange.language)
        }
    }

    /// Reads the members that may change; one that is there replaces what was, `null` removes it.
    private func read(_ contract: inout Contract, _ input: inout Input, _ policy: Policy?, isNew: Bool) async throws {
        if input.body.has("plan") { contract.plan = input.body.word("plan") }
        if let plan = contract.plan, input.body.has("plan"), let policy, policy.plans[plan] == nil {
            input.body.fault(.notOneOf, at: "plan", ["values": policy.plans.keys.sorted().joined(separator: ", ")])
        }
        let before = input.body.faults.count
        if let from = input.body.date("valid_from", required: isNew) { contract.validFrom = from }
        if input.body.has("valid_to") { contract.validTo = input.body.date("valid_to") }
        if input.body.faults.count == before, let to = contract.validTo, to < contract.validFrom {
            input.body.fault(.endsBeforeStart, at: "valid_to")
        }
        let agreed = "auto_close_after_working_days"
        if input.body.has(agreed) {
            contract.autoCloseAfterWorkingDays = input.body.integer(agreed, in: 1...365)
            if contract.autoCloseAfterWorkingDays != nil, policy?.contractMayOverrideAutoClose == false {
                input.body.fault(.notAgreeable, at: agreed)
            }
        }
        try await readContacts(&contract, &input)
    }

    private func readContacts(_ contract: inout Contract, _ input: inout Input) async throws {
        let member = "responsible_contacts"
        guard input.body.has(member) else { return }
        let named = input.body.distinct(member, max: Limit.contacts, mayBeEmpty: true) ?? []
        let ids = named.map { $0.flatMap { UserID($0) } }
        let users = ids.isEmpty ? [] : try await store.users(ids.compactMap(\.self))
        for (index, (name, id)) in zip(named, ids).enumerated() where name != nil {
            let user = users.first { $0.id == id }
            // Of what organization nobody knows is not told as a fault of the contact.
            let isTheirs = contract.organization.isEmpty || user?.organization == contract.organization
            if let user, user.active, user.role == .customer, isTheirs { continue }
            input.body.faults.add(FaultCode.notAnActiveContact.rawValue, at: "/\(member)/\(index)")
        }
        contract.responsibleContacts = ids.compactMap(\.self)
    }

    private static let contractProblems = [
        "contracts_overlap": Problem(.contractOverlap),
        "contracts_organization_fkey": Problem.invalid(.notFound, at: "/organization"),
    ]

    private func contract(_ exchange: Exchange) async throws -> Contract {
        guard let id = ContractID(exchange.arguments[0]), let found = try await store.contract(id, exchange.access)
        else { throw Problem(.notFound) }
        return found
    }
}

struct ContractBody: Body {
    let contract: Contract

    init(_ contract: Contract) { self.contract = contract }

    func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("id", contract.id)
            json.member("organization", contract.organization)
            json.member("product", contract.product)
            json.member("plan", contract.plan)
            json.member("valid_from", contract.validFrom.iso)
            json.member("valid_to", contract.validTo?.iso)
            json.member("auto_close_after_working_days", contract.autoCloseAfterWorkingDays)
            json.member("responsible_contacts", contract.responsibleContacts.map(\.text))
        }
    }
}
