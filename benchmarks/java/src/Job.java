import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import org.apache.avro.Schema;

/** The job's file; see benchmarks/field/job.py. */
record Job(String bootstrap, String group, String input, String output, boolean exactlyOnce,
        Schema inputSchema, Schema outputSchema, int outputSchemaId, String folder) {

    static Job read(String file) throws IOException {
        JsonNode found = new ObjectMapper().readTree(Path.of(file).toFile());
        return new Job(found.get("bootstrap").asText(), found.get("group").asText(), found.get("input").asText(),
                found.get("output").asText(), found.get("exactly_once").asBoolean(), schema(found, "input_schema"),
                schema(found, "output_schema"), found.get("output_schema_id").asInt(), found.get("folder").asText());
    }

    private static Schema schema(JsonNode found, String name) {
        JsonNode text = found.get(name);
        return text == null || text.isEmpty() ? null : new Schema.Parser().parse(text.toString());
    }
}
