# Apache Kafka: one node, broker and controller in one, from the jars of Maven Central that scripts/kafka/pom.xml
# names. And kcat, Debian's client of it, which knows nothing of this project's.
# shellcheck shell=bash disable=SC2034,SC2154 # Names are shared with the other files of this folder.

readonly kafka_title="Kafka"
readonly kafka_untested="the message bus on Kafka"
readonly kafka_version=4.1.0
readonly kafka_java_min=17

kafka_find() {
    kafka_jars=$cache_dir/kafka-$kafka_version
    kafka_find_java || kafka_install_java || leave_out kafka "there is no Java $kafka_java_min, and no way to install it"
    if [ ! -d "$kafka_jars" ]; then
        command -v mvn >/dev/null || install_packages maven ||
            leave_out kafka "there is no Maven to download it with, and no way to install it"
        say "downloading Kafka $kafka_version"
        fill_cache "kafka-$kafka_version" kafka_download || die "Kafka could not be downloaded; see Maven's words above"
    fi
    command -v kcat >/dev/null || install_packages kcat || kafka_without_kcat
}

# Sets kafka_java to a Java that is new enough; fails if there is none.
kafka_find_java() {
    local major
    for kafka_java in "$(command -v java || true)" /usr/lib/jvm/*/bin/java; do
        [ -x "$kafka_java" ] || continue
        major=$("$kafka_java" -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p')
        [ "${major:-0}" -lt "$kafka_java_min" ] || return 0
    done
    return 1
}

# Some distributions have only a newer one.
kafka_install_java() {
    { install_packages "openjdk-$kafka_java_min-jre-headless" || install_packages default-jre-headless; } &&
        kafka_find_java
}

kafka_download() {
    mvn -B -q -C -f "$root/scripts/kafka/pom.xml" dependency:copy-dependencies \
        -DoutputDirectory="$1"
}

kafka_without_kcat() {
    local why="there is no kcat, and no way to install it"
    [ "${TICKETING_REQUIRE_SERVICES:-}" != 1 ] || die "kcat is required, but $why"
    say "$why; that another client reads what is sent to Kafka is not tested"
}

# The identity of the cluster: 22 letters of base64, none of which looks like an option.
kafka_prepare() {
    pick_port
    if [ -n "${TICKETING_KAFKA_PROXY_PORT:-}" ]; then
        # A second door, which says that it is at the port of a proxy: who comes in by it stays with the proxy.
        printf '%s %s\n' "$port" "$TICKETING_KAFKA_PROXY_PORT" >"$folder/proxied"
        pick_port
    fi
    local users=()
    if [ "${TICKETING_KAFKA_SECURED:-}" = 1 ]; then
        # A door for those who have a password, over TLS.
        printf '%s %s\n' "$port" "$(head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n')" >"$folder/secured"
        kafka_certificates
        users=(--add-scram "SCRAM-SHA-512=[name=ticketing,password=$(cut -d ' ' -f 2 "$folder/secured")]")
        pick_port
    fi
    kafka_configure
    "$kafka_java" -cp "$kafka_jars/*" kafka.tools.StorageTool format -c "$folder/server.properties" "${users[@]}" \
        -t "$(head -c 16 /dev/urandom | base64 | tr '+/' 'ab' | cut -c 1-22)" >"$folder/format.log" 2>&1 ||
        die "Kafka's folder could not be formatted: $(tail -n 5 "$folder/format.log")"
}

# An authority of this broker's own, which vouches for the broker and for one client.
kafka_certificates() {
    local name
    command -v openssl >/dev/null || die "a Kafka with TLS needs openssl, to make its certificates"
    {
        openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj "/CN=ticketing tests" \
            -keyout "$folder/ca.key" -out "$folder/ca.pem"
        for name in broker client; do
            openssl req -newkey rsa:2048 -nodes -subj "/CN=$name" -keyout "$folder/$name.key" -out "$folder/$name.csr"
            openssl x509 -req -in "$folder/$name.csr" -CA "$folder/ca.pem" -CAkey "$folder/ca.key" -CAcreateserial \
                -days 30 -extfile <(printf 'subjectAltName=IP:127.0.0.1,DNS:localhost') -out "$folder/$name.pem"
        done
    } >"$folder/openssl.log" 2>&1 || die "certificates could not be made: $(tail -n 5 "$folder/openssl.log")"
    # Kafka wants a key and its certificate in one file.
    cat "$folder/broker.key" "$folder/broker.pem" >"$folder/broker.both.pem"
}

# The controller's port is the broker's own business, so it is another at every start.
kafka_configure() {
    local broker_port=$port controller_port behind=0 proxy=0 secured=0 door="" shown=""
    if [ -f "$folder/proxied" ]; then
        read -r behind proxy <"$folder/proxied"
        door=,PROXIED://127.0.0.1:$behind
        shown=,PROXIED://127.0.0.1:$proxy
    fi
    if [ -f "$folder/secured" ]; then
        read -r secured _ <"$folder/secured"
        door=$door,SECURED://127.0.0.1:$secured
        shown=$shown,SECURED://127.0.0.1:$secured
    fi
    until [ "$port" -ne "$broker_port" ] && [ "$port" -ne "$behind" ] && [ "$port" -ne "$secured" ]; do
        pick_port
    done
    controller_port=$port
    port=$broker_port
    cat >"$folder/server.properties" <<-CONF
		process.roles=broker,controller
		node.id=1
		listeners=PLAINTEXT://127.0.0.1:$broker_port,CONTROLLER://127.0.0.1:$controller_port$door
		advertised.listeners=PLAINTEXT://127.0.0.1:$broker_port$shown
		listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,PROXIED:PLAINTEXT,SECURED:SASL_SSL
		controller.listener.names=CONTROLLER
		controller.quorum.voters=1@127.0.0.1:$controller_port
		log.dirs=$folder/data
		auto.create.topics.enable=false
		num.partitions=1
		offsets.topic.replication.factor=1
		offsets.topic.num.partitions=4
		transaction.state.log.replication.factor=1
		transaction.state.log.min.isr=1
		transaction.state.log.num.partitions=4
		share.coordinator.state.topic.replication.factor=1
		share.coordinator.state.topic.min.isr=1
		group.initial.rebalance.delay.ms=0
		# After a kill -9, the controller takes the broker for alive for that long, and lets it in again only then.
		broker.session.timeout.ms=4000
		broker.heartbeat.interval.ms=500
	CONF
    [ "$secured" -eq 0 ] || cat >>"$folder/server.properties" <<-CONF
		sasl.enabled.mechanisms=SCRAM-SHA-512
		listener.name.secured.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
		ssl.keystore.type=PEM
		ssl.keystore.location=$folder/broker.both.pem
		ssl.truststore.type=PEM
		ssl.truststore.location=$folder/ca.pem
		# The client's certificate is looked at, too.
		listener.name.secured.ssl.client.auth=required
	CONF
}

kafka_command() {
    kafka_configure
    argv=("$kafka_java" -Xms128m -Xmx512m -XX:+UseSerialGC
        -Dorg.slf4j.simpleLogger.defaultLogLevel=warn
        -Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info
        -cp "$kafka_jars/*" kafka.Kafka "$folder/server.properties")
}

kafka_is_ready() { grep -q 'Kafka Server started' "$folder/log"; }

kafka_export() {
    local behind proxy secured password
    printf 'export TEST_KAFKA_BROKERS=127.0.0.1:%s\n' "$port"
    if [ -f "$folder/proxied" ]; then
        read -r behind proxy <"$folder/proxied"
        printf 'export TEST_KAFKA_PROXIED_BROKERS=127.0.0.1:%s\n' "$proxy"
        printf 'export TEST_KAFKA_BEHIND_PROXY=127.0.0.1:%s\n' "$behind"
    fi
    if [ -f "$folder/secured" ]; then
        read -r secured password <"$folder/secured"
        printf 'export TEST_KAFKA_SECURED_BROKERS=127.0.0.1:%s\n' "$secured"
        printf 'export TEST_KAFKA_SECURED_PASSWORD=%s\n' "$password"
        printf 'export TEST_KAFKA_SECURED_FOLDER=%s\n' "$folder"
    fi
}

kafka_up() { process_up kafka; }
kafka_down() { process_down kafka; }
kafka_status() { process_status kafka; }
