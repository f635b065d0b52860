//! Carries out an operator's commands on a cluster, for as long as its standard input lasts.
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.DescribeClusterOptions;
import org.apache.kafka.clients.admin.DescribeTopicsOptions;
import org.apache.kafka.clients.admin.FeatureUpdate;
import org.apache.kafka.clients.admin.NewPartitionReassignment;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.UpdateFeaturesOptions;
import org.apache.kafka.common.ElectionType;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.TopicPartitionInfo;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.ElectionNotNeededException;
import org.apache.kafka.common.quota.ClientQuotaAlteration;
import org.apache.kafka.common.quota.ClientQuotaEntity;

/** Answers each line with one line, "ok" and a result or "error" and a cause; the argument is the bootstrap servers. */
public final class Admin {
    private static final int REASSIGNMENT_POLL_MS = 50;
    /** A question to a node that is stopped would block the client until then, whatever its requests may take. */
    private static final int ANSWER_LIMIT_MS = 5000;

    private final org.apache.kafka.clients.admin.Admin client;

    private Admin(String servers) {
        client = org.apache.kafka.clients.admin.Admin.create(Map.of(
            "bootstrap.servers", servers,
            // A node that is stopped answers nothing: another one is asked soon.
            "request.timeout.ms", "4000",
            "default.api.timeout.ms", "40000"));
    }

    public static void main(String[] arguments) throws IOException {
        Admin admin = new Admin(arguments[0]);
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String answer;
            try {
                answer = ("ok " + admin.carryOut(line.split(" "))).trim();
            } catch (ExecutionException error) {
                answer = "error " + error.getCause();
            } catch (InterruptedException | RuntimeException error) {
                answer = "error " + error;
            }
            System.out.println(answer.replace('\n', ' '));
        }
        // Without a goodbye to nodes that may be gone.
        Runtime.getRuntime().halt(0);
    }

    private String carryOut(String[] words) throws ExecutionException, InterruptedException {
        List<String> rest = Arrays.asList(words).subList(Math.min(2, words.length), words.length);
        switch (words[0]) {
            case "nodes":
                return Integer.toString(client.describeCluster(
                    new DescribeClusterOptions().timeoutMs(ANSWER_LIMIT_MS)).nodes().get().size());
            case "create":
                create(words[1], rest);
                return "";
            case "delete":
                client.deleteTopics(Set.of(words[1])).all().get();
                return "";
            case "topics":
                return String.join(" ", client.listTopics().names().get());
            case "grow":
                client.createPartitions(Map.of(words[1], NewPartitions.increaseTo(Integer.parseInt(words[2])))).all().get();
                return "";
            case "configure":
                configure(words[1], rest);
                return "";
            case "leaders":
                return leaders(words[1]);
            case "move":
                move(words[1]);
                return "";
            case "quota":
                Double rate = words[2].equals("none") ? null : Double.valueOf(words[2]);
                quota(words[1], rate);
                return "";
            case "lower":
                lower(words[1], Short.parseShort(words[2]));
                return "";
            case "transaction":
                return client.describeTransactions(Set.of(words[1])).description(words[1]).get().state().toString();
            default:
                throw new IllegalArgumentException(words[0]);
        }
    }

    /** The partitions, the replicas of each, then the configuration. */
    private void create(String topic, List<String> rest) throws ExecutionException, InterruptedException {
        NewTopic created = new NewTopic(topic, Integer.parseInt(rest.get(0)), Short.parseShort(rest.get(1)));
        Map<String, String> configuration = new HashMap<>();
        for (String pair : rest.subList(2, rest.size())) {
            configuration.put(pair.split("=", 2)[0], pair.split("=", 2)[1]);
        }
        client.createTopics(Set.of(created.configs(configuration))).all().get();
    }

    private void configure(String topic, List<String> pairs) throws ExecutionException, InterruptedException {
        Collection<AlterConfigOp> changes = new ArrayList<>();
        for (String pair : pairs) {
            ConfigEntry entry = new ConfigEntry(pair.split("=", 2)[0], pair.split("=", 2)[1]);
            changes.add(new AlterConfigOp(entry, AlterConfigOp.OpType.SET));
        }
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        client.incrementalAlterConfigs(Map.of(resource, changes)).all().get();
    }

    private List<TopicPartitionInfo> partitions(String topic) throws ExecutionException, InterruptedException {
        DescribeTopicsOptions options = new DescribeTopicsOptions().timeoutMs(ANSWER_LIMIT_MS);
        return client.describeTopics(Set.of(topic), options).allTopicNames().get().get(topic).partitions();
    }

    /** For each partition "leader/replicas in sync"; -1 where there is no leader. */
    private String leaders(String topic) throws ExecutionException, InterruptedException {
        StringBuilder all = new StringBuilder();
        for (TopicPartitionInfo partition : partitions(topic)) {
            Node leader = partition.leader();
            all.append(leader == null || leader.isEmpty() ? -1 : leader.id());
            all.append('/').append(partition.isr().size()).append(' ');
        }
        return all.toString();
    }

    /** Makes the next replica of each partition that does not lead it the preferred one, and has it elected. */
    private void move(String topic) throws ExecutionException, InterruptedException {
        Map<TopicPartition, Optional<NewPartitionReassignment>> moves = new HashMap<>();
        for (TopicPartitionInfo partition : partitions(topic)) {
            List<Integer> replicas = new ArrayList<>();
            partition.replicas().forEach(replica -> replicas.add(replica.id()));
            do {
                Collections.rotate(replicas, -1);
            } while (partition.leader() != null && replicas.get(0) == partition.leader().id());
            TopicPartition name = new TopicPartition(topic, partition.partition());
            moves.put(name, Optional.of(new NewPartitionReassignment(replicas)));
        }
        client.alterPartitionReassignments(moves).all().get();
        while (!client.listPartitionReassignments(moves.keySet()).reassignments().get().isEmpty()) {
            Thread.sleep(REASSIGNMENT_POLL_MS);
        }
        Map<TopicPartition, Optional<Throwable>> elected =
            client.electLeaders(ElectionType.PREFERRED, moves.keySet()).partitions().get();
        for (Optional<Throwable> error : elected.values()) {
            if (error.isPresent() && !(error.get() instanceof ElectionNotNeededException)) {
                throw new ExecutionException(error.get());
            }
        }
    }

    /** Lowers a finalized feature to a level. */
    private void lower(String feature, short level) throws ExecutionException, InterruptedException {
        FeatureUpdate update = new FeatureUpdate(level, FeatureUpdate.UpgradeType.SAFE_DOWNGRADE);
        client.updateFeatures(Map.of(feature, update), new UpdateFeaturesOptions()).all().get();
    }

    /** Bytes per second that one client may produce to each node. */
    private void quota(String clientId, Double rate) throws ExecutionException, InterruptedException {
        ClientQuotaEntity entity = new ClientQuotaEntity(Map.of(ClientQuotaEntity.CLIENT_ID, clientId));
        ClientQuotaAlteration.Op change = new ClientQuotaAlteration.Op("producer_byte_rate", rate);
        client.alterClientQuotas(Set.of(new ClientQuotaAlteration(entity, Set.of(change)))).all().get();
    }
}
