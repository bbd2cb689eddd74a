package bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;

/**
 * Spring's request/reply as a peer of the benchmarks: a service or a client, which speaks one line of JSON at a time.
 *
 * <p>Arguments: service or client, bootstrap servers, topic of requests, topic of replies.
 */
public final class Peer {
    private Peer() {}

    public static void main(String[] arguments) throws Exception {
        System.setProperty("bench.bootstrap", arguments[1]);
        System.setProperty("bench.requests", arguments[2]);
        System.setProperty("bench.replies", arguments[3]);
        boolean client = arguments[0].equals("client");
        try (var context = new AnnotationConfigApplicationContext(client ? ClientConfig.class : ServiceConfig.class)) {
            if (client) {
                context.getBean(Client.class).serve(lines());
            } else {
                System.out.println("{\"Ready\":null}");
                lines().lines().forEach(line -> {});
            }
        }
    }

    private static BufferedReader lines() throws IOException {
        return new BufferedReader(new InputStreamReader(System.in));
    }
}
