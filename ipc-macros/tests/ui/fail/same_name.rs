// One handler per file, of the file's name: the contract and the module want the
// same name once the handler is imported. `contract_name` mends it; see
// ../pass/one_name_per_file.rs.

mod place {
    #[ipc::endpoint(POST "/orders")]
    pub async fn place() {}
}

use place::place;

fn main() {
    let _ = place();
}
