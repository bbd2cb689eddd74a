package bench;

import java.util.Collections;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** What is said to the process that measures, and heard from it: one line of JSON each. */
final class Word {
    private static final JsonMapper MAPPER = JsonMapper.builder().build();

    private Word() {}

    static void say(String word, Object what) {
        System.out.println(MAPPER.writeValueAsString(Collections.singletonMap(word, what)));
    }

    /** Says what this runs with, to be printed beside its figures. */
    static void setting(String name, Object value) {
        say("Setting", List.of(name, value.toString()));
    }

    static JsonNode read(String line) {
        return MAPPER.readTree(line);
    }
}
