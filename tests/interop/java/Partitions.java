//! Prints the partition that Kafka's Java producer chooses for each key.
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import org.apache.kafka.clients.producer.internals.BuiltInPartitioner;

/** Reads one key per line in hexadecimal (an empty line is the empty key); the argument is the number of partitions. */
public final class Partitions {
    public static void main(String[] arguments) throws IOException {
        int partitions = Integer.parseInt(arguments[0]);
        BufferedReader keys = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        StringBuilder chosen = new StringBuilder();
        for (String line = keys.readLine(); line != null; line = keys.readLine()) {
            byte[] key = HexFormat.of().parseHex(line);
            chosen.append(BuiltInPartitioner.partitionForKey(key, partitions)).append('\n');
        }
        System.out.print(chosen);
    }
}
