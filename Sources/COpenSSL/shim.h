#pragma once
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/tls1.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

// A context is taken for each message and given back after it: to make one costs more than to digest what an identifier or
// a token has.

/// Where a thread keeps the one that was given back; NULL there: it has none.
static inline EVP_MD_CTX **copenssl_spare_digest_context(void) {
    static _Thread_local EVP_MD_CTX *spare;
    return &spare;
}

/// A context that has begun a message under `algorithm`; NULL when there is no memory.
static inline EVP_MD_CTX *copenssl_begin_digest(const EVP_MD *algorithm) {
    EVP_MD_CTX **spare = copenssl_spare_digest_context();
    EVP_MD_CTX *context = *spare != NULL ? *spare : EVP_MD_CTX_new();
    *spare = NULL;
    if (context != NULL && EVP_DigestInit_ex(context, algorithm, NULL) != 1) {
        EVP_MD_CTX_free(context);
        return NULL;
    }
    return context;
}

static inline void copenssl_end_digest(EVP_MD_CTX *context) {
    EVP_MD_CTX **spare = copenssl_spare_digest_context();
    if (*spare == NULL) {
        *spare = context;
    } else {
        EVP_MD_CTX_free(context);
    }
}

// What OpenSSL has as macros only, which Swift does not see.

/// TLS 1.2 at least, no renegotiation, no compression, the server's order of ciphers. Sessions live in tickets alone:
/// nothing of them is kept here. What a connection does not need while it is idle is given back.
static inline int copenssl_set_server_rules(SSL_CTX *context) {
    // HTTP's own framing tells a whole request from a cut one, so a missing close_notify (RFC 9112, 9.8) is an end
    // like any other, after which what was asked before can still be answered.
    SSL_CTX_set_options(
        context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                     SSL_OP_PRIORITIZE_CHACHA | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(
        context,
        SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    // One read of the socket for a record's head and the rest.
    SSL_CTX_set_read_ahead(context, 1);
    return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
}

static inline int copenssl_set_groups(SSL_CTX *context, const char *names) {
    return SSL_CTX_set1_groups_list(context, names);
}
static inline int copenssl_set_signatures(SSL_CTX *context, const char *names) {
    return SSL_CTX_set1_sigalgs_list(context, names);
}
/// The context takes a share of its own in the certificate.
static inline int copenssl_add_chain_certificate(SSL_CTX *context, X509 *certificate) {
    return SSL_CTX_add1_chain_cert(context, certificate);
}

/// Calls `seen` with `argument` for each record's head and each message, sent or received, in the middle of the call into
/// OpenSSL that deals with it (SSL_set_msg_callback(3)).
static inline void copenssl_watch_messages(
    SSL *connection, void *argument,
    void (*seen)(int is_sent, int version, int type, const void *bytes, size_t count, SSL *connection, void *argument)) {
    if (connection == NULL) return;
    SSL_set_msg_callback(connection, seen);
    SSL_set_msg_callback_arg(connection, argument);
}

/// Makes both halves of a session ticket's protection ready (RFC 5077, 4): AES-256-CBC and HMAC-SHA-256, with keys of 32
/// bytes each. Returns 1, or 0 when OpenSSL refuses.
static inline int copenssl_protect_ticket(
    EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, const unsigned char *vector, const unsigned char *cipher_key,
    const unsigned char *mac_key, int encrypts) {
    char digest[] = "SHA256";
    OSSL_PARAM parameters[2];
    parameters[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0);
    parameters[1] = OSSL_PARAM_construct_end();
    return EVP_MAC_init(mac, mac_key, 32, parameters) == 1 &&
           EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, cipher_key, vector, encrypts) == 1;
}

// The client's side, for the tests.

static inline int copenssl_set_versions(SSL *connection, int least, int most) {
    return SSL_set_min_proto_version(connection, least) && SSL_set_max_proto_version(connection, most);
}
static inline int copenssl_set_signatures_offered(SSL *connection, const char *names) {
    return SSL_set1_sigalgs_list(connection, names);
}
static inline long copenssl_set_server_name(SSL *connection, const char *name) {
    return SSL_set_tlsext_host_name(connection, name);
}
static inline long copenssl_renegotiates_securely(SSL *connection) {
    return SSL_get_secure_renegotiation_support(connection);
}
