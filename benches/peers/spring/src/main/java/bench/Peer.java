package bench;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;

/**
 * Spring's request/reply as a peer of the benchmarks: a service or a client, which speaks one line of JSON at a time.
 *
 * <p>Arguments: service or client, bootstrap servers, topic of requests, topic of replies, linger in milliseconds.
 */
public final class Peer {
    private Peer() {}

    public static void main(String[] arguments) throws Exception {
        System.setProperty("bench.bootstrap", arguments[1]);
        System.setProperty("bench.requests", arguments[2]);
        System.setProperty("bench.replies", arguments[3]);
        System.setProperty("bench.linger", arguments[4]);
        boolean client = arguments[0].equals("client");
        var lines = new BufferedReader(new InputStreamReader(System.in));
        try (var context = new AnnotationConfigApplicationContext(client ? ClientConfig.class : ServiceConfig.class)) {
            Settings.tell();
            if (client) {
                context.getBean(Client.class).serve(lines);
            } else {
                context.getBean(Assignment.class).await();
                Word.say("Ready", null);
                lines.lines().forEach(line -> {});
            }
        }
    }
}
