/// Who works with the service.
struct Person: Sendable {
    let email: String
    let role: String
    let organization: String?
    var id = ""
    var token = ""
}

/// The people of one installation and their contracts.
struct Desk: Sendable {
    let customers: [Person]
    let engineers: [Person]
    let lead: Person
    let admin: Person
    /// Listens to the feed.
    let integration: Person
    let contracts: [String: String]

    private static let cast = [
        Person(email: "anna@acme.example.com", role: "customer", organization: "acme"),
        Person(email: "boris@acme.example.com", role: "customer", organization: "acme"),
        Person(email: "clara@beta.example.com", role: "customer", organization: "beta"),
        Person(email: "egor@support.example.com", role: "engineer", organization: nil),
        Person(email: "elena@support.example.com", role: "engineer", organization: nil),
        Person(email: "lena@support.example.com", role: "lead", organization: nil),
        Person(email: "ada@support.example.com", role: "admin", organization: nil),
        Person(email: "feed@support.example.com", role: "service", organization: nil),
    ]

    /// `token` makes a person and gives its token; `line` asks a service that runs.
    init(_ line: Line, token: (Person) throws(Failure) -> String) throws(Failure) {
        var people: [Person] = []
        for var person in Self.cast {
            person.token = try token(person)
            let me = try line.ask("GET", "/v1/me", token: person.token)
            guard let id = me.json?["id"]?.text else { throw Failure("/v1/me answered \(me.status)") }
            person.id = id
            people.append(person)
        }
        customers = people.filter { $0.role == "customer" }
        engineers = people.filter { $0.role == "engineer" }
        (lead, admin, integration) = (people[5], people[6], people[7])
        var contracts: [String: String] = [:]
        for organization in ["acme", "beta"] {
            let contacts = customers.filter { $0.organization == organization }.map { "\"\($0.id)\"" }
            let answer = try line.ask(
                "POST", "/v1/contracts", token: people[5].token,
                json: """
                    {"organization":"\(organization)","product":"omnivox","valid_from":"2020-01-01",\
                    "auto_close_after_working_days":1,"responsible_contacts":[\(contacts.joined(separator: ","))]}
                    """)
            guard answer.status == 201, let id = answer.json?["id"]?.text else {
                throw Failure(
                    "a contract was answered \(answer.status): \(String(decoding: answer.body, as: UTF8.self))")
            }
            contracts[organization] = id
        }
        self.contracts = contracts
    }

    func person(_ id: String) -> Person? {
        (customers + engineers + [lead, admin, integration]).first { $0.id == id }
    }
}
