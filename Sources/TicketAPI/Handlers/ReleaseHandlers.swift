import JSONText
import Regulations
import Tickets

/// Versions of the products, and what publishing one solves.
extension API {
    func listReleases(_ exchange: Exchange) async throws -> Answer {
        try exchange.admit()
        var input = exchange.input()
        let page = input.page()
        try input.finish()
        return exchange.list(try await store.releases(page.request, exchange.access), page) { ReleaseBody($0) }
    }

    func createRelease(_ exchange: Exchange) async throws -> Answer {
        let node = try exchange.json()
        try exchange.admit()
        var input = exchange.input(node)
        let product = input.body.word("product", required: true)
        let known = rulebook().current
        if let product, known[product] == nil {
            input.body.fault(.notOneOf, at: "product", ["values": known.keys.sorted().joined(separator: ", ")])
        }
        let version = input.body.word("version", required: true)
        if let version, !Release.isVersion(version) { input.body.fault(.notAVersion, at: "version") }
        let notes = input.body.text("notes", max: Limit.text)
        try input.finish()
        let release = Release(
            product: product ?? "", version: version ?? "", notes: notes, createdAt: exchange.now, publishedAt: nil)
        let answer = Answer.json(201, ReleaseBody(release), in: exchange.language)
        try await write(["releases_pkey": Problem(.alreadyExists)]) { () async throws(StoreError) in
            try await store.create(release, by: exchange.caller.id, answer: answer.kept, exchange.access)
        }
        return answer
    }

    func publishRelease(_ exchange: Exchange) async throws -> Answer {
        let node = try exchange.json()
        try exchange.admit(toSee: .listReleases)
        let (product, version) = (exchange.arguments[0], exchange.arguments[1])
        guard rulebook().current[product] != nil, Release.isVersion(version),
            let release = try await store.release(product, version, exchange.access)
        else { throw Problem(.notFound) }
        try exchange.admit()
        if release.publishedAt != nil { throw Problem(.alreadyPublished) }
        var input = exchange.input(node)
        try input.finish()
        let publication = try await store.publish(
            release, by: exchange.caller.user, at: exchange.now, exchange.access)
        guard let publication else { throw Problem(.alreadyPublished) }
        return .json(200, PublicationBody(publication), in: exchange.language)
    }
}

struct ReleaseBody: Body {
    let release: Release

    init(_ release: Release) { self.release = release }

    func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("product", release.product)
            json.member("version", release.version)
            json.member("notes", release.notes)
            json.member("created_at", release.createdAt)
            json.member("published_at", release.publishedAt)
        }
    }
}

struct PublicationBody: Body {
    let publication: Publication

    init(_ publication: Publication) { self.publication = publication }

    func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("product", publication.release.product)
            json.member("version", publication.release.version)
            json.member("published_at", publication.release.publishedAt)
            json.member("solved", publication.solved.count)
            json.member("tickets", publication.solved.map(\.description))
        }
    }
}
