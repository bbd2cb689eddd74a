package bench;

/** What is sent and answered: 256 bytes of JSON. */
public record Note(String text) {
    static Note ofCommonSize() {
        return new Note("a".repeat(245));
    }
}
