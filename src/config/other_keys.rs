//! The table of keys that the Java producer has and this one does not obey, and what is done about
//! each.

use super::keys::{Key, Service};

/// Writes one row per key: name, Java's default, service, meaning, source.
macro_rules! other_keys {
    (@service hint) => { Service::Hint };
    (@service meaningless) => { Service::Meaningless };
    (@service not_served [$($accepted:literal),*]) => {
        Service::NotServed { accepted: &[$($accepted),*] }
    };
    (@default none) => { None };
    (@default $default:literal) => { Some($default) };
    (@count $name:literal) => { 1 };
    ($(
        $name:literal $default:tt $service:ident $([$($accepted:literal),*])?
        $meaning:literal $source:ident;
    )*) => {
        /// The keys that are known and not obeyed, sorted by name.
        pub(super) const OTHER: [Key; 0 $(+ other_keys!(@count $name))*] = [$(Key {
            name: $name,
            default: other_keys!(@default $default),
            service: other_keys!(@service $service $([$($accepted),*])?),
            meaning: $meaning,
            source: $source,
        }),*];
    };
}

const CLIENT: &str = "Java CommonClientConfigs";
const PRODUCER: &str = "Java ProducerConfig";
const SASL: &str = "Java SaslConfigs";
const SSL: &str = "Java SslConfigs";
const OLDER: &str = "Java producers before 4.0";
const LATER: &str = "Java producers from 4.4";
const TELEMETRY: &str = "KIP-714";

// A value in brackets asks for what happens anyway. For the keys of security these are Java's
// defaults: without security they have no effect there either. Rows stay sorted by name.
other_keys! {
    "auto.include.jmx.reporter" "true" meaningless "whether metrics go to JMX" OLDER;
    "bootstrap.resolve.timeout.ms" "0" not_served ["0"]
        "how long resolving the bootstrap servers is retried" LATER;
    "client.dns.lookup" "use_all_dns_ips" not_served ["use_all_dns_ips"]
        "which addresses of a name are tried" CLIENT;
    "client.rack" "" hint "the rack of the client" LATER;
    "config.providers" "" not_served [""] "classes that look up values" CLIENT;
    "enable.metrics.push" "true" hint "whether brokers may ask for the client's metrics" TELEMETRY;
    "interceptor.classes" "" not_served [""] "classes that see and change each record" PRODUCER;
    "key.serializer" none meaningless "the class that makes bytes of keys" PRODUCER;
    "metadata.cluster.check.enable" "true" hint
        "whether brokers check that they are the cluster meant" LATER;
    "metric.reporters" "org.apache.kafka.common.metrics.JmxReporter" meaningless
        "classes that report metrics" CLIENT;
    "metrics.recording.level" "INFO" meaningless "which metrics are recorded" CLIENT;
    "partitioner.rack.aware" "false" not_served ["false"]
        "whether leaders in the client's rack are preferred" LATER;
    "receive.buffer.bytes" "32768" hint "size of the socket's receive buffer" CLIENT;
    "sasl.client.callback.handler.class" none not_served [""]
        "class that answers SASL's questions" SASL;
    "sasl.jaas.config" none not_served [] "login modules and credentials for SASL" SASL;
    "sasl.kerberos.kinit.cmd" "/usr/bin/kinit" not_served ["/usr/bin/kinit"]
        "the kinit command" SASL;
    "sasl.kerberos.min.time.before.relogin" "60000" not_served ["60000"]
        "time between Kerberos logins" SASL;
    "sasl.kerberos.service.name" none not_served [""] "the brokers' Kerberos name" SASL;
    "sasl.kerberos.ticket.renew.jitter" "0.05" not_served ["0.05"]
        "spread of Kerberos renewals" SASL;
    "sasl.kerberos.ticket.renew.window.factor" "0.8" not_served ["0.8"]
        "when a Kerberos ticket is renewed" SASL;
    "sasl.login.callback.handler.class" none not_served [""]
        "class that answers the login's questions" SASL;
    "sasl.login.class" none not_served [""] "class that logs in" SASL;
    "sasl.login.connect.timeout.ms" none not_served [""]
        "time to connect to the login provider" SASL;
    "sasl.login.read.timeout.ms" none not_served [""] "time to read from the login provider" SASL;
    "sasl.login.refresh.buffer.seconds" "300" not_served ["300"]
        "time before expiry at which a login is refreshed" SASL;
    "sasl.login.refresh.min.period.seconds" "60" not_served ["60"]
        "least time between login refreshes" SASL;
    "sasl.login.refresh.window.factor" "0.8" not_served ["0.8"] "when a login is refreshed" SASL;
    "sasl.login.refresh.window.jitter" "0.05" not_served ["0.05"] "spread of login refreshes" SASL;
    "sasl.login.retry.backoff.max.ms" "10000" not_served ["10000"]
        "longest wait between logins" SASL;
    "sasl.login.retry.backoff.ms" "100" not_served ["100"] "first wait between logins" SASL;
    "sasl.mechanism" "GSSAPI" not_served ["GSSAPI"] "the SASL mechanism" SASL;
    "sasl.oauthbearer.assertion.algorithm" "RS256" not_served ["RS256"]
        "how an assertion is signed" SASL;
    "sasl.oauthbearer.assertion.claim.aud" none not_served [""]
        "audience claim of an assertion" SASL;
    "sasl.oauthbearer.assertion.claim.exp.seconds" "300" not_served ["300"]
        "life of an assertion" SASL;
    "sasl.oauthbearer.assertion.claim.iss" none not_served [""] "issuer claim of an assertion" SASL;
    "sasl.oauthbearer.assertion.claim.jti.include" "false" not_served ["false"]
        "whether an assertion has an id" SASL;
    "sasl.oauthbearer.assertion.claim.nbf.seconds" "60" not_served ["60"]
        "how far an assertion is dated back" SASL;
    "sasl.oauthbearer.assertion.claim.sub" none not_served [""]
        "subject claim of an assertion" SASL;
    "sasl.oauthbearer.assertion.file" none not_served [""] "file with an assertion" SASL;
    "sasl.oauthbearer.assertion.private.key.file" none not_served [""]
        "file with the key that signs assertions" SASL;
    "sasl.oauthbearer.assertion.private.key.passphrase" none not_served []
        "passphrase of that key" SASL;
    "sasl.oauthbearer.assertion.template.file" none not_served [""]
        "file with the template of an assertion" SASL;
    "sasl.oauthbearer.client.credentials.client.id" none not_served [""]
        "id for the client credentials grant" SASL;
    "sasl.oauthbearer.client.credentials.client.secret" none not_served []
        "secret for the client credentials grant" SASL;
    "sasl.oauthbearer.clock.skew.seconds" "30" not_served ["30"]
        "difference allowed between clocks" SASL;
    "sasl.oauthbearer.expected.audience" "" not_served [""] "audience that a token must have" SASL;
    "sasl.oauthbearer.expected.issuer" none not_served [""] "issuer that a token must have" SASL;
    "sasl.oauthbearer.header.urlencode" "false" not_served ["false"]
        "whether credentials are URL-encoded" SASL;
    "sasl.oauthbearer.jwks.endpoint.refresh.ms" "3600000" not_served ["3600000"]
        "age at which the key set is read again" SASL;
    "sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms" "10000" not_served ["10000"]
        "longest wait between reads of the key set" SASL;
    "sasl.oauthbearer.jwks.endpoint.retry.backoff.ms" "100" not_served ["100"]
        "first wait between reads of the key set" SASL;
    "sasl.oauthbearer.jwks.endpoint.url" none not_served [""] "where the key set is" SASL;
    "sasl.oauthbearer.jwt.retriever.class"
        "org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever"
        not_served
        ["org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever"]
        "class that fetches tokens" SASL;
    "sasl.oauthbearer.jwt.validator.class"
        "org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator"
        not_served
        ["org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator"]
        "class that checks tokens" SASL;
    "sasl.oauthbearer.scope" none not_served [""] "scope that is asked for" SASL;
    "sasl.oauthbearer.scope.claim.name" "scope" not_served ["scope"] "name of the scope claim" SASL;
    "sasl.oauthbearer.sub.claim.name" "sub" not_served ["sub"] "name of the subject claim" SASL;
    "sasl.oauthbearer.token.endpoint.url" none not_served [] "where tokens are issued" SASL;
    "security.protocol" "PLAINTEXT" not_served ["PLAINTEXT"]
        "encryption and authentication of connections" CLIENT;
    "security.providers" none not_served [""] "classes of security algorithms" CLIENT;
    "send.buffer.bytes" "131072" hint "size of the socket's send buffer" CLIENT;
    "ssl.cipher.suites" "" not_served [""] "TLS cipher suites" SSL;
    "ssl.enabled.protocols" "TLSv1.2,TLSv1.3" not_served ["TLSv1.2,TLSv1.3"] "TLS versions" SSL;
    "ssl.endpoint.identification.algorithm" "https" not_served ["https"]
        "how a broker's name is checked" SSL;
    "ssl.engine.factory.class" none not_served [""] "class that makes TLS engines" SSL;
    "ssl.key.password" none not_served [] "password of the private key" SSL;
    "ssl.keymanager.algorithm" "SunX509" not_served ["SunX509"] "Java's key manager" SSL;
    "ssl.keystore.certificate.chain" none not_served [] "the client's certificates" SSL;
    "ssl.keystore.key" none not_served [] "the client's private key" SSL;
    "ssl.keystore.location" none not_served [""] "file with the client's key" SSL;
    "ssl.keystore.password" none not_served [] "password of that file" SSL;
    "ssl.keystore.type" "JKS" not_served ["JKS"] "format of that file" SSL;
    "ssl.protocol" "TLSv1.3" not_served ["TLSv1.3"] "TLS version" SSL;
    "ssl.provider" none not_served [""] "Java's TLS provider" SSL;
    "ssl.secure.random.implementation" none not_served [""] "Java's source of randomness" SSL;
    "ssl.trustmanager.algorithm" "PKIX" not_served ["PKIX"] "Java's trust manager" SSL;
    "ssl.truststore.certificates" none not_served [] "certificates that are trusted" SSL;
    "ssl.truststore.location" none not_served [""] "file with certificates that are trusted" SSL;
    "ssl.truststore.password" none not_served [] "password of that file" SSL;
    "ssl.truststore.type" "JKS" not_served ["JKS"] "format of that file" SSL;
    "value.serializer" none meaningless "the class that makes bytes of values" PRODUCER;
}
